"""Holes, repeats, disorder, daylight saving: what is done by itself, what is asked, and that all of it is said."""
import numpy as np
import pandas as pd
import pytest

from reprise.core.errors import InputError
from reprise.data.series.told import told

HOLES = "ds,a,b\n2020-01-01,1,\n2020-01-02,,5\n2020-01-04,4,6\n2020-01-05,5,7\n2020-01-06,6,"


@pytest.mark.parametrize("fill, a, b", [
    ("forward", [1, 1, 1, 4, 5, 6], [5, 5, 6, 7]), ("linear", [1, 2, 3, 4, 5, 6], [5, 5.5, 6, 7]),
    ("zero", [1, 0, 0, 4, 5, 6], [5, 0, 6, 7])])
def test_holes(opened, fill, a, b):
    panel = opened(HOLES, fill=fill)
    assert panel["a"].values.tolist() == a and panel["a"].seen.tolist() == [True, False, False, True, True, True]
    assert panel["b"].values.tolist() == b and panel["b"].times[0] == np.datetime64("2020-01-02")
    way = {"forward": "filled forward", "linear": "filled linearly", "zero": "filled with zeros"}[fill]
    assert [n for n in panel.notes if "shorter" not in n and "seasons" not in n] == [
        f"1 gap {way} (first: a, 2020-01-03)", f"1 missing value {way} (first: a, 2020-01-02)",
        "2 missing values at ends cut (first: b, 2020-01-01)"]


def test_holes_are_refused(opened):
    with pytest.raises(InputError) as error:
        opened(HOLES, fill="error")
    assert str(error.value) == ("t.csv, line 3, column 'a': no value, and 1 more steps of 'a' are empty; fill them in, "
                                "or choose by --fill forward, linear or zero")
    with pytest.raises(InputError, match="line 3, column 'ds': no row after it for 2020-01-03, and 0 more"):
        opened("ds,a\n2020-01-01,1\n2020-01-02,2\n2020-01-04,4\n2020-01-05,4", fill="error")


def test_a_missing_hour(opened):
    hours = np.delete(pd.date_range("2020-01-01", periods=48, freq="h"), 7)
    panel = opened(columns={"ds": hours, "y": np.arange(47)})
    assert len(panel["y"]) == 48 and panel["y"].values[6:9].tolist() == [6, 6, 7] and (~panel["y"].seen).sum() == 1
    assert told(panel) == ("t: 1 series (y), hourly, 48 steps from 2020-01-01 to 2020-01-02 23:00; a season of 24 "
                           "steps; 1 gap filled forward (first: y, 2020-01-01 07:00).")


def test_a_stamp_that_repeats(opened):
    text = "ds,y\n2020-01-01,1\n2020-01-02,2\n2020-01-02,4\n2020-01-03,3"
    with pytest.raises(InputError) as error:
        opened(text)
    assert str(error.value) == (
        "t.csv, lines 3 and 4, column 'ds': 2020-01-02 is there twice with other values; take one out, or choose by "
        "--duplicates mean, first, last or sum; if the file holds several series, name their column by --id")
    twice = "ds,y\n2020-01-01,1\n2020-01-02,2\n2020-01-02,2\n2020-01-03,3"  # no copy where a rule is given
    assert opened(twice, duplicates="sum")["y"].values.tolist() == [1, 4, 3]
    for rule, value in (("first", 2), ("last", 4), ("mean", 3), ("sum", 6)):
        panel = opened(text, duplicates=rule)
        assert panel["y"].values.tolist() == [1, value, 3] and panel.repeated == 1
        assert panel.notes[0].startswith("1 row of a stamp that is there already (first: 2020-01-02, t.csv, line")
    with pytest.raises(InputError, match=r"lines 3 and 5, column 'ds': 2020-01-01 of 'B' is there twice with other "
                                         r"values; take one out, or choose by --duplicates mean, first, last or sum$"):
        opened("id,ds,y\nA,2020-01-01,1\nB,2020-01-01,1\nA,2020-01-02,2\nB,2020-01-01,2\nB,2020-01-02,2")


def test_rows_that_repeat_others(opened):
    panel = opened("ds,y\n2020-01-01,1\n2020-01-02,2\n2020-01-02,2\n2020-01-03,3\n2020-01-02,2")
    assert panel["y"].values.tolist() == [1, 2, 3] and panel.repeated == 2
    assert panel.notes[:2] == ("1 stamp earlier than the one before: rows sorted (first: t.csv, line 6, column 'ds')",
                               "2 rows that repeat others dropped (first: t.csv, line 4, column 'ds')")


def test_unsorted(opened):
    panel = opened("ds,y\n2020-01-03,3\n2020-01-01,1\n2020-01-02,2")
    assert panel["y"].values.tolist() == [1, 2, 3]
    assert panel.notes[0] == "1 stamp earlier than the one before: rows sorted (first: t.csv, line 3, column 'ds')"


@pytest.mark.parametrize("zone, skipped, twice", [
    ("Europe/Berlin", "2020-03-29 02:00", "2020-10-25 02:00"),
    ("America/New_York", "2020-03-08 02:00", "2020-11-01 01:00"),
    ("Australia/Sydney", "2020-10-04 02:00", "2020-04-05 02:00"),
    ("Europe/London", "2020-03-29 01:00", "2020-10-25 01:00")])
def test_local_hours(opened, zone, skipped, twice):
    local = pd.date_range("2020-01-01", "2020-12-31", freq="h", tz=zone).tz_localize(None)
    panel = opened(columns={"ds": local, "y": np.arange(len(local))})
    series = panel["y"]
    assert np.array_equal(series.times, pd.date_range("2020-01-01", "2020-12-31", freq="h").to_numpy())
    spring, autumn = (int(np.searchsorted(series.times, np.datetime64(t))) for t in (skipped, twice))
    first = list(local).index(pd.Timestamp(twice))
    assert series.values[spring] == series.values[spring - 1] == series.values[spring + 1] - 1
    assert series.values[autumn] == first + 0.5 and np.flatnonzero(~series.seen).tolist() == [spring]
    assert panel.repeated == 1 and panel.season == 24
    again, never = panel.notes
    assert again.startswith("1 stamp that clocks show twice when daylight saving ends") and twice in again
    assert never.startswith("1 step that clocks skip when daylight saving begins") and skipped in never


def test_a_quarter_of_an_hour_by_local_clocks(opened):
    local = pd.date_range("2020-03-28", "2020-10-27", freq="15min", tz="Europe/Berlin").tz_localize(None)
    panel = opened(columns={"ds": local, "y": np.arange(len(local))})
    assert panel.repeated == 4 and (~panel["y"].seen).sum() == 4 and "4 steps that clocks skip" in panel.notes[2]


def test_a_repeat_is_no_daylight_saving_on_another_day(opened):
    hours = list(pd.date_range("2020-10-24", "2020-10-27", freq="h"))
    hours[5] = hours[4]
    with pytest.raises(InputError, match="lines 6 and 7, column 'ds': 2020-10-24 04:00 is there twice"):
        opened(columns={"ds": hours, "y": np.arange(len(hours))})


@pytest.mark.parametrize("frequency, unit", [("D", "daily"), ("MS", "monthly"), ("6h", "every 6 hours")])
def test_local_days_told_in_utc(opened, frequency, unit):
    local = pd.date_range("2019-03-20", periods=60, freq=frequency).tz_localize("Europe/Berlin")
    panel = opened(columns={"ds": local.tz_convert(None), "y": np.arange(60)})
    assert str(panel.step) == unit and len(panel["y"]) == 60 and panel["y"].seen.all()
    assert "stamps that daylight saving moved by an hour brought back" in panel.notes[0]


def test_two_series_of_other_beginnings(opened):
    panel = opened("id,ds,y\nA,2020-01-01,1\nA,2020-01-02,2\nA,2020-01-04,4\n"
                   "B,2020-01-02,7\nB,2020-01-03,8\nB,2020-01-04,8")
    assert panel["A"].values.tolist() == [1, 2, 2, 4] and panel["B"].values.tolist() == [7, 8, 8]
    assert panel["B"].times[0] == np.datetime64("2020-01-02")


def test_month_ends(opened):
    ends = pd.date_range("2019-01-31", periods=30, freq="ME").delete([1, 12])
    panel = opened(columns={"ds": ends, "y": np.arange(28)})
    assert panel["y"].times[1] == np.datetime64("2019-02-28") and panel["y"].times[12] == np.datetime64("2020-01-31")


def test_irregular(opened):
    stamps = pd.to_datetime([f"2020-01-01 {time}" for time in ("00:00:01", "00:58:00", "02:03:00", "02:57:00")])
    columns = {"ds": stamps, "y": [1, 2, 3, 4]}
    panel = opened(columns=columns)
    assert panel.step is None and panel.season == 1 and np.array_equal(panel["y"].times, stamps.to_numpy())
    assert panel.notes[0].endswith("so times stay as they are; --step 1h would put them on a clock")
    hourly = opened(columns=columns, step="1h")
    assert hourly["y"].times.tolist() == pd.date_range("2020-01-01", periods=4, freq="h").to_numpy().tolist()
    assert hourly.notes[0] == ("4 stamps moved to the clock of the step that was asked for (first: 2020-01-01 00:00:01 "
                               "to 2020-01-01)")


def test_more_gaps_than_steps_are_irregular(opened):
    text = "ds,y\n2020-01-01,1\n2020-01-02,2\n2020-01-03,3\n2020-01-10,4"
    panel = opened(text)
    assert panel.step is None and panel["y"].values.tolist() == [1, 2, 3, 4]
    assert panel.notes[0] == ("no step is kept: of steps of 1 D, 6 of 10 would be gaps, so times stay as they are; "
                              "--step 1D would fill them")
    assert len(opened(text, step="D")["y"]) == 10
    with pytest.raises(InputError, match=r"t.csv: steps of 1 ms make 777,600,001 of 4 rows; give a longer step"):
        opened(text, step="ms")


def test_a_series_with_a_step_of_its_own(opened):
    hours, days = pd.date_range("2020-01-01", periods=240, freq="h"), pd.date_range("2020-01-01", periods=5, freq="D")
    panel = opened(columns={"id": ["a"] * 240 + ["b"] * 5, "ds": [*hours, *days], "y": np.arange(245)})
    assert ("more than a third of the steps of 1 of 2 series are gaps (first: b, itself 1 D): open series of another "
            "step apart") in panel.notes


def test_asked_for_months(opened):
    days = pd.date_range("2020-01-15", periods=60, freq="D")
    panel = opened(columns={"ds": days, "y": np.ones(60)}, step="M", duplicates="sum")
    assert panel["y"].values.tolist() == [17, 29, 14] and panel["y"].times[0] == np.datetime64("2020-01-01")


def test_empty_constant_short_and_codes(opened):
    rows = "\n".join(f"2020-01-{d:02},{d},,3,{-9999 if d == 9 else d % 5},{1e9 if d == 4 else d}" for d in range(1, 29))
    panel = opened(f"ds,a,none,same,coded,slip\n{rows}")
    assert [series.name for series in panel] == ["a", "same", "coded", "slip"]
    assert [n for n in panel.notes if "none" not in n] == [
        "1 of 4 series is constant (same)",
        "1 series has numbers that often stand for missing values; leave them empty if they do (first: coded, "
        "2020-01-09, -9999)",
        "1 series has a value ten thousand times the size of the others (first: slip, 2020-01-04, 1e+09)"]
    assert any("none" in note for note in panel.notes)
    short = opened("ds,y\n2020-01-01,1\n2020-01-02,2")
    assert short.notes == ("no series is as long as two seasons of 7 steps: none is counted on",
                           "it is shorter than 10 steps (y)") and short.season == 1


def test_what_comes_later_changes_nothing_before_it(opened):
    local = pd.date_range("2020-03-28", "2020-04-02", freq="h", tz="Europe/Berlin").tz_localize(None).delete([5, 6, 70])
    y = np.arange(len(local)) % 7.0
    whole, other = (opened(columns={"ds": local, "y": np.where(np.arange(len(y)) < 60, y, later)})["y"].values
                    for later in (y, 100 + y))
    assert np.array_equal(whole[:63], other[:63]) and not np.array_equal(whole, other)
    for origin in np.flatnonzero(~opened(columns={"ds": local, "y": y})["y"].seen):
        assert whole[origin] == whole[origin - 1]


def test_missing_values_at_irregular_times_are_left_out(opened):
    panel = opened("ds,y\n2020-01-01,1\n2020-01-02,2\n2020-01-04,\n2020-01-09,3\n2020-01-19,4")
    assert panel.step is None and panel["y"].values.tolist() == [1, 2, 3, 4] and panel["y"].seen.all()
    assert "1 missing value left out (first: y, 2020-01-04)" in panel.notes


def test_a_covariate_one_series_lacks(opened):
    text = "id,ds,y,x\nA,2020-01-01,1,5\nA,2020-01-02,2,6\nB,2020-01-01,1,\nB,2020-01-02,2,"
    with pytest.raises(InputError, match=r"t.csv, column 'x': no value in all of series 'B'; fill it in, or leave it"):
        opened(text, known="x")


def test_missing_covariates_are_carried_on(opened):
    panel = opened("ds,y,x\n2020-01-01,1,\n2020-01-02,2,5\n2020-01-03,3,\n2020-01-04,,6\n2020-01-05,,", known="x")
    assert panel["y"].known[:, 0].tolist() == [5, 5, 5, 6]
    assert "2 rows without a covariate carried on from before (first: y, 2020-01-01)" in panel.notes
