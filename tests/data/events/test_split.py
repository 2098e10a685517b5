"""Parts of a log keep the future apart; batches hold every event once, under START and END."""
import numpy as np
import pytest
import torch

from reprise.core.errors import InputError
from reprise.data.batches import IGNORED
from reprise.data.events import UNKNOWN, Case, EventLog, PackedEvents, padded, split_events


def log(lengths, parts=(), vocabulary=("a", "b", "c")):
    draw = np.random.default_rng(0)
    cases = [Case(str(i), draw.integers(len(vocabulary), size=T), draw.exponential(size=T).cumsum(),
                  draw.normal(size=(T, 1)), float(i)) for i, T in enumerate(lengths)]
    cases = [Case(c.name, c.kinds, c.times - c.times[:1], c.attributes, c.start) for c in cases]
    return EventLog("toy", tuple(cases), vocabulary, ("size",), (), parts)


def names(part):
    return [case.name for case in part]


def test_later_cases_are_tested():
    split = split_events(log([3] * 10))
    assert names(split.train) + names(split.valid) + names(split.test) == [str(i) for i in range(10)]
    assert (len(split.train), len(split.valid), len(split.test)) == (7, 1, 2)
    assert "later cases in the test part" in split.how


def test_what_training_never_saw_is_unknown():
    kinds = [[0, 1, 1], [1, 1], [2, 1], [0, 3]]
    cases = tuple(Case(str(i), np.array(k), None, np.zeros((len(k), 0))) for i, k in enumerate(kinds))
    split = split_events(EventLog("toy", cases, ("a", "b", "c", "d")), shares=(0.5, 0.25, 0.25))
    assert split.vocabulary == ("b", "a", UNKNOWN) == split.test.vocabulary
    assert [case.kinds.tolist() for case in (*split.train, *split.valid, *split.test)] == [
        [1, 0, 0], [0, 0], [2, 0], [1, 2]]
    assert "1 events of the test part are of kinds that training never saw" in split.told()


def test_official_parts_are_kept():
    split = split_events(log([2] * 12, ("train",) * 4 + ("test",) * 4 + ("train",) * 4))
    assert names(split.test) == list("4567") and names(split.train) == [*list("0123"), "8", "9", "10"]
    assert names(split.valid) == ["11"] and not split.train.parts


def test_by_event_cuts_in_time():
    split = split_events(log([10, 1, 20]), by="event")
    assert [len(case) for case in split.train] == [7, 1, 14] and [len(case) for case in split.test] == [2, 4]
    case, piece = log([10, 1, 20]).cases[0], split.test.cases[0]
    assert piece.times[0] == 0 and piece.start == pytest.approx(case.times[8])
    np.testing.assert_allclose(piece.gaps[1:], case.gaps[9:])


def test_a_log_of_one_case_is_cut_in_time():
    split = split_events(log([100]))
    assert [part.events for part in (split.train, split.valid, split.test)] == [70, 10, 20]
    assert names(split_events(log([5] * 3)).test) == ["2"]


def test_overlap_is_said():
    cases = tuple(Case(str(i), np.zeros(2, int), np.array([0.0, 5.0]), np.zeros((2, 0)), float(i)) for i in range(10))
    assert "(3 training cases go on after" in split_events(EventLog("toy", cases, ("a",))).how


@pytest.mark.parametrize(("wrong", "message"), [
    (lambda: split_events(log([3]), by="case"), "the train part would have no case|the test part would have no case"),
    (lambda: split_events(log([3] * 4), by="official"), "toy has no official parts"),
    (lambda: split_events(log([3] * 4), by="row"), "one of official, case, event, got 'row'"),
    (lambda: split_events(log([3] * 4), shares=(0.5, 0.5, 0.0)), "to sum to 1, got"),
    (lambda: log([3]).under(("a",)), "kinds of event that the vocabulary does not have, such as"),
    (lambda: PackedEvents(log([1]), 9, 4), "toy has 2 steps, fewer than the 9 rows of a batch; try batch=2"),
])
def test_what_does_not_fit(wrong, message):
    with pytest.raises(InputError, match=message):
        wrong()


def test_packed_batches_hold_every_event_once():
    whole = log([5, 0, 9, 1, 7, 8])  # 36 steps with a START each
    batches = PackedEvents(whole, 3, 4, seed=1)
    assert batches.epoch_length == 3
    taken = [next(batches) for _ in range(3)]
    x = torch.cat([batch.x.kinds for batch in taken], 1).reshape(-1)
    y = torch.cat([batch.y.kinds for batch in taken], 1).reshape(-1)
    assert sorted(x.tolist()) == sorted([4] * 6 + [kind for case in whole for kind in case.kinds])
    assert sorted(y.tolist()) == sorted([3] * 6 + [kind for case in whole for kind in case.kinds])
    resets = torch.cat([batch.resets for batch in taken], 1)
    assert torch.equal(resets[:, 1:], (x.reshape(3, -1) == 4)[:, 1:]) and resets[:, 0].all()
    inside = ~resets.reshape(-1).roll(-1)
    inside[11::12] = False
    assert torch.equal(y[inside], x.roll(-1)[inside])  # what comes next is what is read next
    assert not torch.equal(x, torch.cat([next(batches).x.kinds for _ in range(3)], 1).reshape(-1))  # another order


def test_packed_batches_go_on_where_they_were():
    one, other = (PackedEvents(log([5, 3, 9, 1, 7]), 2, 3, seed=4) for _ in range(2))
    for _ in range(7):
        next(one)
    other.load_state_dict(one.state_dict())
    for a, b in zip(next(one).x, next(other).x, strict=True):
        assert torch.equal(a.nan_to_num(-9), b.nan_to_num(-9))
    with pytest.raises(InputError, match="is of other batches"):
        PackedEvents(log([5, 3, 9]), 2, 3).load_state_dict(one.state_dict())


def test_padded_batches_are_each_case_in_order():
    whole = log([2, 0, 4])
    first, second = padded(whole.cases, 3, rows=2)
    assert first.lengths.tolist() == [3, 1] and second.lengths.tolist() == [5]
    assert first.x.kinds[1, 0] == 4 and first.y.kinds[1].tolist() == [3, IGNORED, IGNORED]
    case = whole.cases[0]
    assert first.x.kinds[0].tolist() == [4, *case.kinds] and first.y.kinds[0].tolist() == [*case.kinds, 3]
    np.testing.assert_allclose(first.y.gaps[0], [-1, case.gaps[1], -1], rtol=1e-6)
    np.testing.assert_allclose(first.x.gaps[0], [0, 0, case.gaps[1]], rtol=1e-6)
    assert first.x.attributes[0, 0].isnan().all() and not first.x.attributes[0, 1:].isnan().any()
