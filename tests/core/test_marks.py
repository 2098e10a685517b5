"""Marks are two masks: against plain loops, and refused where they do not fit."""
import pytest
import torch
from hypothesis import given, settings, strategies as st

from reprise.core.errors import InputError
from reprise.core.marks import NO_MARKS, Marks, mark, over


@st.composite
def batches(draw):
    """T, a length and the starts for each row, and what each row has seen before."""
    B, T = draw(st.integers(0, 4)), draw(st.integers(0, 9))
    lengths = draw(st.none() | st.lists(st.integers(0, T), min_size=B, max_size=B))
    starts = draw(st.none() | st.lists(st.lists(st.booleans(), min_size=T, max_size=T), min_size=B, max_size=B))
    return B, T, lengths, starts, draw(st.lists(st.integers(0, 10**6), min_size=B, max_size=B))


def marks_of(B, T, lengths, starts):
    return mark(torch.zeros(B, T, 2), None if lengths is None else torch.tensor(lengths, dtype=torch.long),
                None if starts is None else torch.tensor(starts, dtype=torch.bool).reshape(B, T))


@settings(deadline=None)
@given(batches())
def test_positions_count_like_a_loop(batch):
    B, T, lengths, starts, seen = batch
    positions, ends = marks_of(B, T, lengths, starts).positions(torch.tensor(seen, dtype=torch.long), T)
    assert positions.shape == (B, T) and ends.shape == (B,)
    for i in range(B):
        clock = seen[i]
        for t in range(T if lengths is None else lengths[i]):
            clock = 0 if starts is not None and starts[i][t] else clock
            assert positions[i, t] == clock, f"row {i}, step {t}"
            clock += 1
        assert ends[i] == clock, f"row {i} at its end"


@settings(deadline=None)
@given(batches())
def test_masks_say_what_lengths_and_resets_say(batch):
    B, T, lengths, starts, _ = batch
    marks = marks_of(B, T, lengths, starts)
    x = torch.ones(B, T, 2)
    padded, restarted = marks.pad(x, 5.0), marks.restart(x, 7.0)
    for i in range(B):
        for t in range(T):
            real = lengths is None or t < lengths[i]
            assert padded[i, t].tolist() == ([1.0, 1.0] if real else [5.0, 5.0])
            begins = real and starts is not None and starts[i][t]
            assert restarted[i, t].tolist() == ([7.0, 7.0] if begins else [1.0, 1.0])


def test_no_marks_leave_everything_alone():
    x = torch.randn(2, 3, 4)
    marks = mark(x, None, None)
    assert marks is NO_MARKS
    assert marks.pad(x, 0.0) is x and marks.restart(x, 0.0) is x


def test_resets_at_padding_begin_nothing():
    marks = mark(torch.zeros(2, 3, 1), torch.tensor([1, 3]), torch.ones(2, 3, dtype=torch.bool))
    assert marks.fresh.tolist() == [[True, False, False], [True, True, True]]
    assert marks.real.tolist() == [[True, False, False], [True, True, True]]


def test_padding_hides_what_is_not_a_number():
    x = torch.full((1, 2, 1), torch.nan)
    x[0, 0] = 1
    assert mark(x, torch.tensor([1]), None).pad(x, 0.0).flatten().tolist() == [1.0, 0.0]


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.int16, torch.uint8], ids=str)
def test_lengths_of_any_whole_type(dtype):
    assert mark(torch.zeros(2, 3, 1), torch.tensor([0, 3], dtype=dtype), None).real.sum(1).tolist() == [0, 3]


def test_over_broadcasts_to_the_right():
    mask = torch.tensor([[True, False]])
    assert over(mask, torch.zeros(1, 2, 3, 4)).shape == (1, 2, 1, 1)
    assert over(mask, torch.zeros(1, 2)).shape == (1, 2)


X = torch.zeros(2, 3, 4)


@pytest.mark.parametrize(("lengths", "message"), [
    (torch.tensor([1, 2, 3]), r"lengths is torch.int64 \(3,\); give a tensor, one whole length for each of the 2 rows"),
    (torch.tensor([[1, 2]]), "one whole length for each of the 2 rows"),
    (torch.tensor([1.0, 2.0]), r"lengths is torch.float32 \(2,\)"),
    (torch.tensor([True, False]), r"lengths is torch.bool \(2,\)"),
    ([1, 2], "lengths is a list; give a tensor"),
    (torch.tensor([0, 4]), "lengths run from 0 to 4; give lengths from 0 to T=3"),
    (torch.tensor([-1, 3]), "lengths run from -1 to 3; give lengths from 0 to T=3")], ids=str)
def test_errors_say_what_lengths_fit(lengths, message):
    with pytest.raises(InputError, match=message):
        mark(X, lengths, None)


@pytest.mark.parametrize(("resets", "message"), [
    (torch.zeros(2, 4, dtype=torch.bool), r"resets is torch.bool \(2, 4\); give torch.bool \(2, 3\), True where"),
    (torch.zeros(2, 3), r"resets is torch.float32 \(2, 3\); give torch.bool \(2, 3\)"),
    (torch.zeros(3, dtype=torch.bool), r"give torch.bool \(2, 3\)"), ([[True] * 3] * 2, "resets is a list")], ids=str)
def test_errors_say_what_resets_fit(resets, message):
    with pytest.raises(InputError, match=message):
        mark(X, None, resets)
    with pytest.raises(InputError, match=message):
        mark(X, torch.tensor([1, 2]), resets)


def test_marks_are_a_tuple_of_masks():
    assert Marks() == (None, None) == NO_MARKS


def test_last_is_at_each_rows_last_real_step():
    every, before = torch.arange(12.0).view(3, 4, 1), torch.full((3, 1), -1.0)
    marks = mark(every, torch.tensor([4, 0, 2]), None)
    assert marks.last(every, before).flatten().tolist() == [3, -1, 9]
    assert NO_MARKS.last(every, before).flatten().tolist() == [3, 7, 11]
    for marks in (NO_MARKS, mark(every[:, :0], torch.tensor([0, 0, 0]), None)):
        assert torch.equal(marks.last(every[:, :0], before), before)
