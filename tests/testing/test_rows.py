"""The judge of rows sees the one row that is wrong, says where, and nothing loosens it."""
from pathlib import Path

import pytest
import torch

from reprise.testing import rows
from reprise.testing.rows import assert_rows_agree, assert_rows_as_good, row_errors


@pytest.fixture
def exact():
    return torch.randn(2, 50, 3, 8, dtype=torch.float64) * 10.0 ** torch.randint(-3, 3, (2, 50, 3, 1))


def test_error_of_a_row_is_relative_to_it():
    exact = torch.tensor([[1.0, -1.0], [1e-3, 1e-3]], dtype=torch.float64)
    got = exact + torch.tensor([[0.0, 0.1], [0.0, 1e-4]])
    assert row_errors(got, exact).tolist() == pytest.approx([0.1, 0.1])


def test_a_zeroed_row_is_an_error_of_everything(exact):
    got = exact.clone()
    got[1, 31, 2] = 0
    assert row_errors(got, exact)[1, 31, 2] >= 1
    with pytest.raises(AssertionError, match=r"state: 1 of 300 rows are off, the first at \(1, 31, 2\)"):
        assert_rows_agree(got, exact, "state")


def test_first_bad_position_is_told(exact):
    got, loop = exact.float(), exact.float()
    got[0, 7:, 1] *= 1.001
    with pytest.raises(AssertionError, match=r"read: 43 of 300 rows are off, the first at \(0, 7, 1\)"):
        assert_rows_as_good(got, loop, exact, "read")


def test_as_good_means_four_times_the_loop(exact):
    noise = 1e-4 * exact.square().mean(-1, keepdim=True).sqrt()
    loop, near, far = (exact + n * noise for n in (1, 3.9, 4.1))
    assert_rows_as_good(near, loop, exact)
    with pytest.raises(AssertionError, match="4 times the loop's worst"):
        assert_rows_as_good(far, loop, exact)


def test_a_loop_without_error_leaves_room_for_rounding_only(exact):
    loop = exact.float()
    assert_rows_as_good(loop * (1 + 2**-22), loop, loop.double())
    with pytest.raises(AssertionError):
        assert_rows_as_good(loop * (1 + 2**-16), loop, loop.double())


@pytest.mark.parametrize("broken", [torch.nan, torch.inf])
def test_what_is_not_a_number_never_passes(exact, broken):
    got = exact.clone()
    got[0, 0, 0, 0] = broken
    for check in (lambda: assert_rows_agree(got, exact), lambda: assert_rows_as_good(got, exact, exact)):
        with pytest.raises(AssertionError, match=r"first at \(0, 0, 0\)"):
            check()


def test_other_shapes_never_pass(exact):
    with pytest.raises(AssertionError, match="shape"):
        assert_rows_agree(exact[:, :1], exact)


def test_nothing_and_zeros_are_rows_too():
    assert_rows_agree(torch.zeros(2, 0, 3), torch.zeros(2, 0, 3))
    assert_rows_agree(torch.zeros(2, 3), torch.zeros(2, 3))
    assert_rows_as_good(torch.zeros(0, 3), torch.zeros(0, 3), torch.zeros(0, 3))
    with pytest.raises(AssertionError):
        assert_rows_agree(torch.full((2, 3), 1e-300, dtype=torch.float64), torch.zeros(2, 3, dtype=torch.float64))


def test_no_environment_loosens_it():
    assert "environ" not in Path(rows.__file__).read_text()


def test_infinite_where_it_should_be():
    exact = torch.tensor([[1.0, -torch.inf], [-torch.inf, 2.0], [3.0, 4.0]], dtype=torch.float64)
    got = exact + torch.tensor([[0.1, 0.0], [0.0, 0.0], [0.0, 0.0]])
    assert row_errors(got, exact).tolist() == pytest.approx([0.1 * 2**0.5, 0, 0])
    got[1, 0], got[2, 1] = torch.inf, torch.inf
    assert row_errors(got, exact)[1:].tolist() == [torch.inf, torch.inf]
