"""The clock: its step by the hour, the business day and the calendar, where stamps stand on it, which come next."""
import numpy as np
import pandas as pd
import pytest

from reprise.core.errors import InputError
from reprise.data.series.clock import ahead, infer_step, places
from reprise.data.series.panel import Step
from reprise.data.series.reading.choices import parse_step

STEPS = {  # as pandas calls them, and a beginning
    "250ms": (Step(250, "ms"), "2020-01-01"), "30s": (Step(30, "s"), "2020-01-01"),
    "10min": (Step(10, "min"), "2020-01-01"), "15min": (Step(15, "min"), "2020-02-28 12:15"),
    "h": (Step(1, "h"), "2020-01-01"), "6h": (Step(6, "h"), "2020-01-01 01:00"),
    "D": (Step(1, "D"), "2020-02-20 07:00"), "2D": (Step(2, "D"), "2020-02-20"), "B": (Step(1, "B"), "2020-01-03"),
    "W": (Step(1, "W"), "2020-01-05"), "28D": (Step(4, "W"), "2020-01-05"), "MS": (Step(1, "M"), "2020-01-01"),
    "ME": (Step(1, "M"), "2019-01-31"), "2MS": (Step(2, "M"), "2020-01-01 06:00"), "QS": (Step(1, "Q"), "2020-01-01"),
    "QE": (Step(1, "Q"), "2019-06-30"), "6MS": (Step(6, "M"), "2019-01-01"), "YS": (Step(1, "Y"), "2019-01-01"),
    "YE": (Step(1, "Y"), "2019-12-31"), "10YS": (Step(10, "Y"), "1850-01-01"),
}


@pytest.mark.parametrize("frequency", STEPS)
def test_steps_and_what_comes_next(frequency):
    step, first = STEPS[frequency]
    stamps = pd.date_range(first, periods=36, freq=frequency).to_numpy()
    whole, next_ = stamps[:24], stamps[24:]
    holed = np.delete(whole, [5, 6, 17])
    group = np.zeros(len(holed), int)
    assert infer_step(holed, group) == step
    number, exact = places(holed, group, step)
    assert exact.all() and number.tolist() == [i for i in range(24) if i not in (5, 6, 17)]
    assert np.array_equal(ahead(holed, step, 12), next_)


def test_leap_years_and_short_months():
    leap = np.array(["2020-02-28", "2020-02-29", "2020-03-01"], "M8[ns]")
    assert places(leap, np.zeros(3, int), Step(1, "D"))[0].tolist() == [0, 1, 2]
    thirtieth = np.array(["2020-01-30", "2020-02-29", "2020-03-30"], "M8[ns]")
    assert infer_step(thirtieth, np.zeros(3, int)) == Step(1, "M")
    assert str(ahead(thirtieth, Step(1, "M"), 11)[-1])[:10] == "2021-02-28"
    ends = np.array(["2019-11-30", "2019-12-31", "2020-01-31"], "M8[ns]")
    assert [str(t)[:10] for t in ahead(ends, Step(1, "M"), 3)] == ["2020-02-29", "2020-03-31", "2020-04-30"]


def test_groups_have_beginnings_of_their_own():
    hours = pd.date_range("2020-01-01", periods=6, freq="h").to_numpy()
    times = np.concatenate([hours, hours[2:] + np.timedelta64(20, "m")])
    group = np.array([0] * 6 + [1] * 4)
    number, exact = places(times, group, Step(1, "h"))
    assert exact.all() and number.tolist() == [0, 1, 2, 3, 4, 5, 0, 1, 2, 3]


def test_plain_numbers():
    tenths, group = np.arange(50) * 0.1, np.zeros(50, int)
    assert infer_step(tenths, group) == Step(0.1, "") and places(tenths, group, Step(0.1, ""))[1].all()
    assert infer_step(np.array([3.0]), np.zeros(1, int)) is None
    assert ahead(np.array([4.0, 6.0]), Step(2, ""), 2).tolist() == [8, 10]


@pytest.mark.parametrize("text, step", [
    ("h", Step(1, "h")), ("15min", Step(15, "min")), ("15 minutes", Step(15, "min")), ("daily", Step(1, "D")),
    ("2 weeks", Step(2, "W")), ("M", Step(1, "M")), ("MS", Step(1, "M")), ("ms", Step(1, "ms")),
    ("month", Step(1, "M")), ("QS", Step(1, "Q")), ("business day", Step(1, "B")), ("1", Step(1, "")),
    (0.5, Step(0.5, "")), (Step(3, "D"), Step(3, "D")), (None, None)])
def test_steps_as_people_write_them(text, step):
    assert parse_step(text) == step


@pytest.mark.parametrize("text", ["m", "5m", "1.5h", "0h", "fortnight", "", "-1", "h2"])
def test_no_steps(text):
    with pytest.raises(InputError, match="step: expected a whole number and a unit, such as 15min"):
        parse_step(text)


def test_seasons():
    assert [Step(*step).season for step in [(1, "h"), (15, "min"), (10, "min"), (5, "h"), (1, "D"), (2, "D"), (1, "B"),
            (1, "W"), (1, "M"), (3, "M"), (5, "M"), (1, "Q"), (1, "Y"), (1, ""), (5, "ms")]] == [
            24, 96, 144, 1, 7, 182, 5, 52, 12, 4, 1, 4, 1, 1, 1]
    assert [str(Step(*s)) for s in [(1, "h"), (10, "min"), (1, "B"), (2, "M"), (250, "ms"), (1, "")]] == [
        "hourly", "every 10 minutes", "every business day", "every 2 months", "every 250 ms", "numbered"]
