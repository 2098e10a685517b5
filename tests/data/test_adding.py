"""The adding problem: two marks, one in each half, and their sum."""
import pytest
import torch

from reprise.core.errors import InputError
from reprise.data.adding import BASELINE, adding


@pytest.mark.parametrize("length", [2, 3, 50])
def test_two_marked_numbers_and_their_sum(length):
    data = adding(200, length, seed=0)
    assert data.x.shape == (200, length, 2) and data.y.shape == (200, 1)
    for x, y in zip(data.x, data.y, strict=True):
        first, second = x[:, 1].nonzero()[:, 0].tolist()
        assert first < length // 2 <= second
        assert y.item() == pytest.approx((x[first, 0] + x[second, 0]).item())
        assert set(x[:, 1].tolist()) <= {0.0, 1.0} and x[:, 0].min() >= 0 and x[:, 0].max() < 1


def test_what_the_best_constant_answer_gets():
    y = adding(20_000, 10, seed=0).y
    assert (y - 1).square().mean().item() == pytest.approx(BASELINE, rel=0.03)


def test_marks_stand_anywhere_in_their_half():
    share = adding(20_000, 10, seed=0).x[..., 1].mean(0)
    assert (share - 0.2).abs().max() < 0.02


def test_of_a_seed():
    assert torch.equal(adding(3, 9, 1).x, adding(3, 9, 1).x) and not torch.equal(adding(3, 9, 1).x, adding(3, 9, 2).x)


@pytest.mark.parametrize(("rows", "length"), [(0, 10), (3, 1)])
def test_misfits(rows, length):
    with pytest.raises(InputError, match="a row and 2 steps or more"):
        adding(rows, length, 0)
