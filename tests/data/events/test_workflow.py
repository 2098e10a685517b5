"""Cases of a workflow are what they are said to be, and strange ones are strange in their own way alone."""
import numpy as np
import pytest

from reprise.core.errors import InputError
from reprise.data.events.workflow import STRANGE, workflow


def phases(case):
    """Which phases there are, in order: of 3, 4 and 4 states of three kinds each."""
    found = np.searchsorted([9, 21, 33], case.kinds, side="right")
    kept = found[found < 3]
    return kept[np.append(True, np.diff(kept) != 0)].tolist()


def test_normal_cases():
    log = workflow(300, seed=1)
    lengths = [len(case) for case in log]
    assert min(lengths) >= 32 and max(lengths) <= 58 and len(log.vocabulary) == 40
    assert all(phases(case) == [0, 1, 2] for case in log)
    assert 0 < sum((case.kinds >= 37).any() for case in log) < 20
    again = workflow(300, seed=1)
    assert all((a.kinds == b.kinds).all() for a, b in zip(log, again, strict=True))
    assert any(len(a) != len(b) for a, b in zip(log, workflow(300, seed=2), strict=True))


def test_swapped_cases_are_wrong_as_wholes_alone():
    assert all(phases(case) == [0, 2, 1] for case in workflow(50, strange="swapped"))


def test_reversed_stretches_go_where_no_state_leads():
    def backward(case):
        states = case.kinds[case.kinds < 33] // 3
        one, other = states[:-1], states[1:]
        size = np.where(one < 3, 3, 4)
        ring = np.searchsorted([3, 7], one, side="right") == np.searchsorted([3, 7], other, side="right")
        return int((ring & ((other - one) % size > 1)).sum())

    assert sum(backward(case) for case in workflow(200, seed=3)) <= 12  # where a rare event stood between
    assert np.mean([backward(case) > 0 for case in workflow(200, strange="reversed")]) > 0.85


def test_rare_events():
    assert all((case.kinds >= 37).any() for case in workflow(50, strange="rare"))


def test_what_does_not_fit():
    assert STRANGE == ("rare", "reversed", "swapped")
    with pytest.raises(InputError, match="one of rare, reversed, swapped, got 'odd'"):
        workflow(3, strange="odd")
