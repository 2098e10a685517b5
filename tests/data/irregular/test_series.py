"""Three forms of irregular series, the ways between them, and what is known of the past."""
import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

from reprise.core.errors import InputError
from reprise.core.marks import mark
from reprise.core.state import map_state
from reprise.data.irregular.oscillators import Oscillators
from reprise.data.irregular.past import look_back, no_past
from reprise.data.irregular.series import Aligned, Triples, align, bins, gather, triples, with_queries


def small():
    case, time, channel, value = zip(
        (1, 2.0, 0, 5.0), (0, 3.0, 1, 1.0), (0, 1.0, 0, 2.0), (0, 3.0, 0, 4.0), (0, 3.0, 0, 6.0), strict=True)
    return gather(np.array(case), np.array(time), np.array(channel), np.array(value), cases=3)


def drawn(seed=0, rows=4, rate=9.0):
    return Oscillators(rate=rate).sample(rows, torch.Generator().manual_seed(seed)).x


def test_a_long_table_becomes_triples_and_a_matrix():
    found = small()
    assert found.lengths.tolist() == [4, 1, 0]
    assert found.time[0].tolist() == [1, 3, 3, 3] and found.channel[0].tolist() == [0, 0, 0, 1]
    matrix = align(found, channels=2)
    assert matrix.lengths.tolist() == [2, 1, 0] and matrix.time.tolist() == [[1, 3], [2, 0], [0, 0]]
    assert matrix.value[0].tolist() == [[2, 0], [5, 1]]  # 4 and 6 at one time: their mean
    assert matrix.seen[0].tolist() == [[True, False], [True, True]] and not matrix.seen[2].any()


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 999), rows=st.integers(1, 5), rate=st.floats(1, 30))
def test_triples_and_back(seed, rows, rate):
    x = drawn(seed, rows, rate)
    for there, back in zip(x, align(triples(x), 3), strict=True):
        torch.testing.assert_close(there, back, rtol=0, atol=0)


def test_columns_that_cannot_be():
    one = np.array([0])
    with pytest.raises(InputError, match="row 0: expected a case from 0 to 0, got 1; leave such rows out"):
        gather(np.array([1]), one, one, one, cases=1)
    with pytest.raises(InputError, match="row 1: expected a value that is a finite number, got nan"):
        gather(np.array([0, 0]), np.zeros(2), np.zeros(2, int), np.array([1, np.nan]), cases=1)
    with pytest.raises(InputError, match="four columns of one length"):
        gather(one, one, one, np.zeros(2), cases=1)
    with pytest.raises(InputError, match="a triple is of channel 1, and there are 1"):
        align(small(), channels=1)
    nothing = torch.zeros(1, 2)
    falling = Triples(torch.tensor([[2.0, 1.0]]), nothing.long(), nothing, torch.tensor([2]))
    with pytest.raises(InputError, match="times fall within a row"):
        align(falling, channels=1)


def test_bins_are_means_known_at_their_ends():
    time = torch.tensor([[0.0, 0.5, 0.6, 1.0, 2.5]])
    value = torch.tensor([[1.0, 3.0, 7.0, 5.0, 9.0]])[..., None]
    seen = torch.tensor([[True, True, False, True, True]])[..., None]
    found = bins(Aligned(time, value * seen, seen), 1.0, 3)
    assert found.time[0].tolist() == [1, 2, 3] and found.value[0, :, 0].tolist() == [3, 0, 9]
    assert found.seen[0, :, 0].tolist() == [True, False, True]
    with pytest.raises(InputError, match=r"an event at 2.5 is outside 2 bins of 1.0, which end at 2"):
        bins(Aligned(time, value, seen), 1.0, 2)


@pytest.mark.parametrize("width", [0.1, 0.3, 0.5, 1 / 3])
def test_bins_of_bins_are_the_same(width):
    count = int(-(-10 // width)) + 1
    once = bins(drawn(), width, count)
    for first, second in zip(once[:3], bins(once, width, count)[:3], strict=True):
        torch.testing.assert_close(first, second)


def by_hand(x: Aligned, row: int):
    """Gaps by their recursion, as the paper has them."""
    gaps, lasts, gap, last, before = [], [], torch.zeros(3), torch.zeros(3), x.time[row, 0]
    seen_before = torch.ones(3, dtype=torch.bool)
    for time, value, seen in zip(x.time[row], x.value[row], x.seen[row], strict=True):
        gap = time - before + torch.where(seen_before, 0.0, gap)
        last = torch.where(seen, value, last)
        before, seen_before = time, seen
        gaps.append(gap)
        lasts.append(last)
    return torch.stack(gaps), torch.stack(lasts)


def test_the_past_is_that_of_the_recursion_and_is_carried():
    x = drawn(rows=3, rate=12)
    marks = mark(x.time, x.lengths, None)
    known, end = look_back(x, no_past(3, 3, x.value), marks)
    for row, length in enumerate(x.lengths):
        gaps, lasts = by_hand(x.take(slice(row, row + 1)), 0)
        torch.testing.assert_close(known.gap[row, :length], gaps[:length])
        torch.testing.assert_close(known.last[row, :length], lasts[:length])
    past, pieces = no_past(3, 3, x.value), []
    for first in range(0, x.time.shape[1], 4):
        piece = x.piece(first, first + 4)
        found, past = look_back(piece, past, mark(piece.time, piece.lengths, None))
        pieces.append(found)
    for whole, *parts in zip(known, *pieces, strict=True):
        for row, length in enumerate(x.lengths):
            torch.testing.assert_close(whole[row, :length], torch.cat(parts, 1)[row, :length])
    map_state(torch.testing.assert_close, past, end)


def test_nothing_is_known_of_the_future():
    x = drawn(rows=2, rate=12)
    later = torch.arange(x.time.shape[1])[:, None] >= 5
    other = x._replace(value=x.value + later, seen=x.seen ^ later)
    one, two = (look_back(each, no_past(2, 3, x.value), mark(x.time, x.lengths, None))[0] for each in (x, other))
    for a, b in zip(one, two, strict=True):
        assert torch.equal(a[:, :5], b[:, :5])


def test_questions_stand_where_their_times_are():
    x = drawn(rows=3)
    times = torch.tensor([[0.0, 4.0, 11.0]]).expand(3, -1)
    merged, places = with_queries(x, times)
    torch.testing.assert_close(merged.time.take_along_dim(places, 1), times)
    assert not merged.seen.take_along_dim(places[..., None], 1).any()
    for row, length in enumerate(merged.lengths):
        assert merged.time[row, :length].diff().min() >= 0 and length == x.lengths[row] + 3
    assert triples(merged).value.equal(triples(x).value)


def test_oscillators_are_seen_as_said():
    drawn = Oscillators(rate=20.0, informative=True).sample(2000, torch.Generator().manual_seed(1))
    assert abs(drawn.x.lengths.float().mean() - 20) < 0.5
    real = drawn.x.real()
    assert drawn.x.seen.any(2)[real].all() and not drawn.x.seen[~real].any() and not drawn.x.value[~drawn.x.seen].any()
    shares = torch.stack([drawn.x.seen[drawn.y == k][real[drawn.y == k]].float().mean(0) for k in range(3)])
    assert (shares.argmax(1) == torch.arange(3)).all()
    plain = Oscillators(rate=20.0).sample(2000, torch.Generator().manual_seed(1)).x
    assert abs(plain.seen[plain.real()].float().mean() - drawn.x.seen[real].float().mean()) < 0.03
    with pytest.raises(InputError, match="expected a rate and a span above 0"):
        Oscillators(rate=0.0).sample(2, torch.Generator())
