"""Ways are run in turn, warmed up, and the median of their seconds is kept."""
import time

import pytest

from reprise.core.errors import InputError
from reprise.lab.timing import in_turn


def test_medians_of_rounds_after_the_warm_up(monkeypatch):
    clock, ran = [0.0], []
    monkeypatch.setattr(time, "process_time", lambda: clock[0])

    def way(name, *seconds):
        left = list(seconds)

        def run():
            ran.append(name)
            clock[0] += left.pop(0)
        return run

    taken = in_turn({"a": way("a", 9, 1, 2, 30), "b": way("b", 9, 5, 5, 1)}, repeats=3, warm_up=1)
    assert taken == {"a": 2.0, "b": 5.0} and ran == ["a", "b"] * 4


def test_what_does_more_takes_longer():
    taken = in_turn({"much": lambda: sum(range(200_000)), "little": lambda: sum(range(2_000))})
    assert taken["much"] > 5 * taken["little"] > 0


def test_misfits():
    with pytest.raises(InputError, match="repeats of 1 or more"):
        in_turn({}, repeats=0)
