"""Phases by the clock, and cycles that are found, or not there to be found."""
import numpy as np
import pytest

from reprise.core.errors import InputError
from reprise.data.series.cycle import estimate_cycle, first_tick
from reprise.data.series.panel import Series, Step


def series(times):
    T = len(times)
    return Series("a", times, np.zeros(T), np.ones(T, bool), np.zeros((T, 0)), np.zeros(0))


def stamps(first, count, unit):
    return (np.datetime64(first, unit) + np.arange(5) * count).astype("datetime64[ns]")


@pytest.mark.parametrize(("step", "times", "tick"), [
    (Step(1, "h"), stamps("1970-01-02T03", 1, "h"), 27),
    (Step(15, "min"), stamps("1970-01-01T01:30", 15, "m"), 6),
    (Step(1, "D"), stamps("1969-12-31", 1, "D"), -1),
    (Step(1, "M"), stamps("1971-03", 1, "M"), 14),
    (Step(1, "Q"), stamps("1971-04", 3, "M"), 5),
    (Step(1, "Y"), stamps("1980", 1, "Y"), 10),
    (Step(1, "B"), stamps("1970-01-05", 1, "D"), 2),
    (Step(1, ""), np.arange(7.0, 12.0), 7),
    (Step(0.25, ""), np.arange(5) * 0.25 + 1.5, 6),
    (None, stamps("2001-01-01", 1, "D"), 0),
])
def test_ticks_by_hand(step, times, tick):
    assert first_tick(series(times), step) == tick


@pytest.mark.parametrize(("step", "unit"), [(Step(1, "h"), "h"), (Step(2, "D"), "D"), (Step(1, "W"), "W")])
def test_parts_of_a_series_agree(step, unit):
    times = stamps("2016-07-01", step.count, unit)
    assert [first_tick(series(times[i:]), step) - i for i in range(5)] == [first_tick(series(times), step)] * 5


def noise(T, seed):
    return np.random.default_rng(seed).normal(size=T)


def test_the_longest_cycle_that_matters_is_found():
    t, day, week = np.arange(3000), noise(24, 0), noise(168, 1)
    assert estimate_cycle([day[t % 24] + noise(3000, 2)]) == 24
    assert estimate_cycle([day[t % 24] + 0.5 * week[t % 168] + 0.5 * noise(3000, 2)]) == 168
    assert estimate_cycle([day[t % 24] + 0.5 * week[t % 168] + 0.5 * noise(3000, 2)], longest=100) == 24


def test_drift_hides_nothing():
    t = np.arange(600)
    assert estimate_cycle([0.1 * t + np.sin(t * np.pi / 6) + 5]) == 12
    assert estimate_cycle([noise(600, 0).cumsum() + 4 * np.sin(t * np.pi / 6)]) == 12


def test_nothing_is_found_where_nothing_is():
    assert estimate_cycle([np.ones(100)]) == estimate_cycle([np.arange(100.0)]) == estimate_cycle([np.zeros(3)]) == 1
    found = [estimate_cycle([series]) for seed in range(40) for series in (noise(200, seed), noise(400, seed).cumsum())]
    assert sum(cycle > 1 for cycle in found) <= 4


def test_series_help_each_other():
    """None shows it clearly, all do."""
    t, cycle = np.arange(300), noise(7, 5)
    parts = [0.7 * cycle[t % 7] + noise(300, seed) for seed in range(8)]
    assert estimate_cycle(parts) == 7


def test_what_does_not_fit():
    with pytest.raises(InputError, match="a longest cycle of 2 or more, got 1 and 1"):
        estimate_cycle([np.zeros(9)], longest=1)
    with pytest.raises(InputError, match="expected a series or more"):
        estimate_cycle([])
