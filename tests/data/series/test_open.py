"""Layouts: which table is which series, whatever its columns are called; and what is no table of series."""
import numpy as np
import pandas as pd
import pytest

from reprise.core.errors import InputError
from reprise.data.series.frame import to_frame
from reprise.data.series.open import open_series
from reprise.data.series.panel import Step


def values(panel):
    return {series.name: series.values.tolist() for series in panel}


WIDE = "date,HUFL,OT\n2020-01-01,1,10\n2020-01-02,2,20\n2020-01-03,3,30"


def test_wide(opened):
    panel = opened(WIDE)
    assert values(panel) == {"HUFL": [1, 2, 3], "OT": [10, 20, 30]} and panel.step == Step(1, "D")
    assert panel.name == "t" and panel["OT"].times[-1] == np.datetime64("2020-01-03") and panel["OT"].seen.all()
    assert values(opened(WIDE, target="OT")) == {"OT": [10, 20, 30]}
    with pytest.raises(InputError, match="t has no series 'OL'; did you mean 'OT'"):
        panel["OL"]


@pytest.mark.parametrize("head", ["unique_id,ds,y", "unique_id,timestamp,value", "shop,day,sold", "id,date,target"])
def test_long(opened, head):
    rows = "B,2020-01-01,1\nA,2020-01-01,5\nB,2020-01-02,2\nA,2020-01-02,6"
    panel = opened(f"{head}\n{rows}")
    assert values(panel) == {"A": [5, 6], "B": [1, 2]} and not [n for n in panel.notes if "sorted" in n]


def test_long_with_several_values_and_several_ids(opened):
    text = "shop,item,date,sold,price\n" + "\n".join(
        f"{shop},{item},2020-01-0{day},{day},{10 * day}" for shop in "xy" for item in "ab" for day in (1, 2))
    panel = opened(text)
    assert [series.name for series in panel][:3] == ["x/a/sold", "x/a/price", "x/b/sold"] and len(panel) == 8
    assert "ids are in 'shop', 'item'" in panel.notes
    assert values(opened(text, id=["item", "shop"], target="price"))["b/y"] == [10, 20]


def test_numbered_ids_stay_what_they_are(opened):
    panel = opened("id,date,y\n7,2020-01-01,1\n10,2020-01-01,5\n7,2020-01-02,2\n10,2020-01-02,5")
    assert {series.name for series in panel} == {"7", "10"}


DAYS = [f"2020-01-{day:02}" for day in range(1, 15)]


def test_ids_nobody_named(opened):
    shops = opened("store,date,sold\n" + "\n".join(f"{s},{d},{i % 5}" for s in (1, 20) for i, d in enumerate(DAYS)))
    assert [s.name for s in shops] == ["1", "20"] and "ids are in 'store'" in shops.notes
    lines = opened("id,date,sold\n" + "\n".join(f"{i},{d},{i % 5}" for i, d in enumerate(DAYS)))
    assert [s.name for s in lines] == ["sold"] and "left out: 'id'" in lines.notes
    one = "date,on,heat\n" + "\n".join(f"{d},{i % 2},{i}.5" for i, d in enumerate(DAYS)) + "\n2020-01-14,0,9.5"
    with pytest.raises(InputError, match="lines 15 and 16, column 'date': 2020-01-14 is there twice"):
        opened(one)  # a single repeat makes no column an id


def test_names_come_in_the_order_of_their_numbers(opened):
    rows = "\n".join(f"W{i},{d},{i}" for i in (10, 2, 1) for d in DAYS)
    assert [s.name for s in opened(f"unique_id,ds,y\n{rows}")] == ["W1", "W2", "W10"]


def test_unknown_names():
    with pytest.raises(InputError, match="no file and no known set is called 'airlin'; did you mean 'airline'"):
        open_series("airlin")


def test_a_column_without_time(opened):
    panel = opened("y\n" + "\n".join(map(str, range(12))))
    assert panel.step == Step(1, "") and panel["y"].times.tolist() == list(range(1, 13)) and panel.season == 1
    assert "no column of times: rows are numbered" in panel.notes
    assert opened("y\n" + "\n".join(map(str, range(12))), season=4).season == 4


def test_a_series_a_line(opened):
    panel = opened('"V1","V2","V3","V4","V5"\n"W1","1","2","3","4"\n"W2","5","6",,')
    assert values(panel) == {"W1": [1, 2, 3, 4], "W2": [5, 6]} and panel.step == Step(1, "")
    dated = opened("page,2020-01-01,2020-01-02,2020-01-03\nx,1,2,3\ny,4,,6")
    assert values(dated) == {"x": [1, 2, 3], "y": [4, 4, 6]} and dated.step == Step(1, "D")
    assert dated["y"].seen.tolist() == [True, False, True]


def test_times_that_are_numbers(opened):
    numbered = opened("ds,y\n10,1\n12,2\n14,3\n18,4", season=2)
    assert numbered.step == Step(2, "") and numbered["y"].times.tolist() == [10, 12, 14, 16, 18]
    tenths = opened(columns={"t": [f"{i / 10:.1f}" for i in range(20)], "y": np.arange(20)}, time="t")
    assert tenths.step == Step(0.1, "") and str(tenths.step) == "numbered in steps of 0.1"
    years = opened("year,y\n1900,1\n1901,2\n1903,3")
    assert years.step == Step(1, "Y") and years["y"].times[2] == np.datetime64("1902-01-01")
    days = opened("date,y\n20200228,1\n20200229,2\n20200301,3")
    assert days.step == Step(1, "D") and len(days["y"]) == 3
    months = opened("period,y\n202011,1\n202012,2\n202101,3")
    assert months.step == Step(1, "M") and "'period' read as yyyymm" in months.notes
    for unit, zeros in (("s", ""), ("ms", "000")):
        told = opened(f"x,y\n1577836800{zeros},1\n1577840400{zeros},2\n1577844000{zeros},3", time="x")
        assert told.step == Step(1, "h") and f"'x' read as {unit} since 1970" in told.notes
    seconds = opened("timestamp,y\n1577836800,1\n1577840400,2\n1577844000,3")
    assert seconds.step == Step(1, "h") and seconds["y"].times[0] == np.datetime64("2020-01-01")


def test_several_times(opened):
    panel = opened("changed,date,y,made\n2021-01-01,2020-01-01,1,2021-01-01\n2021-01-01,2020-01-02,2,2021-01-01")
    assert "time is 'date'; 'changed', 'made' left out" in panel.notes and values(panel) == {"y": [1, 2]}


def test_time_in_parts(opened):
    panel = opened("No,year,month,day,hour,y,wind\n1,2020,2,28,23,1,NW\n2,2020,2,29,0,2,SE\n3,2020,2,29,1,3,NW")
    assert values(panel) == {"y": [1, 2, 3]} and panel.step == Step(1, "h")
    assert "time joined from year, month, day, hour" in panel.notes and "left out: 'wind'" in panel.notes


def test_known_ahead_and_static(opened):
    rows = [f"A,2020-01-0{d},{d if d < 4 else ''},{d * 10},{'feast' if d == 2 else 'work'},7" for d in range(1, 7)]
    rows += [f"B,2020-01-0{d},{d},{d * 10},work,8" for d in range(1, 4)]
    text = "\n".join(["unique_id,ds,y,price,day,size", *rows])
    panel = opened(text, known=["price", "day"], static="size")
    assert panel.known == ("price", "day=feast", "day=work") and panel.static == ("size",)
    a, b = panel
    assert a.values.tolist() == [1, 2, 3] and a.known[:, 0].tolist() == [10, 20, 30, 40, 50, 60]
    assert a.known[:, 1].tolist() == [0, 1, 0, 0, 0, 0] and a.static.tolist() == [7]
    assert len(b) == 3 and b.known.shape == (3, 3) and b.static.tolist() == [8]
    again = open_series(to_frame(panel), known=panel.known, static="size")
    assert [s.known.tolist() for s in again] == [s.known.tolist() for s in panel] and values(again) == values(panel)
    with pytest.raises(InputError, match=r"t.csv, line 3: a static covariate \(price\) is not what it was in line 2"):
        opened(text, static="price")


def test_frames_in_and_out(opened):
    ends = pd.date_range("2020-01-31", periods=4, freq="ME")
    frame = pd.DataFrame({"ds": ends, "a": [1.0, 2, 3, 4], "b": [5.0, 6, 7, 8]})
    panel = open_series(frame)
    long = to_frame(panel)
    assert list(long) == ["unique_id", "ds", "y"] and long.y.tolist() == [1, 2, 3, 4, 5, 6, 7, 8]
    assert long.ds[:4].tolist() == frame.ds.tolist() and values(open_series(long)) == values(panel)


def test_start_and_end(opened):
    panel = opened(WIDE, start="2020-01-02", end="2020-01-02")
    assert values(panel) == {"HUFL": [2], "OT": [20]} and panel.step is None
    assert "2 rows outside start and end left out" in panel.notes
    with pytest.raises(InputError, match=r"t.csv: no row is left between start=2021 and end=None; its times go"):
        opened(WIDE, start="2021")
    hours = {"ds": pd.date_range("2020-01-30", periods=100, freq="h"), "y": np.arange(100)}
    ends = {"2020": 100, "2020-01": 48, "2020-01-30": 24, "2020-01-30 00:00": 1}
    assert [len(opened(columns=hours, end=end)["y"]) for end in ends] == list(ends.values())
    with pytest.raises(InputError, match=r"end: expected a time such as 2016-07-01 or '2016-07-01 13:00', got 'later'"):
        opened(WIDE, end="later")


EVENTS = "case,time,activity\na,2020-01-01,login\na,2020-01-02,out\nb,2020-01-01,login"
REFUSED = {
    "events": (EVENTS, {}, "t.csv, line 2, column 'activity': 'login' is a kind of event, so t.csv looks like a log of "
               "events, no series; open it as a log of events (open_events; --as events on the command line), or name "
               "the numbers to forecast by target"),
    "prose": ("word\nIshmael\nyears", {},
              "t.csv, line 2, column 'word': expected a number, got 'Ishmael', and no other column has numbers to "
              "forecast; give a table of a time and values, or an id, a time and a value; if it is a log of events, "
              "open it as a log of events (open_events; --as events on the command line)"),
    "a column there is not": (WIDE, {"target": "OTT"},
                              "t.csv has no column 'OTT', which target names; did you mean 'OT'?"),
    "two parts": (WIDE, {"target": "OT", "known": "OT"}, "column 'OT' is given more than one part to play; name it "
                  "once in id, time, target, known and static"),
    "no such fill": (WIDE, {"fill": "foward"},
                     "fill: expected forward, linear, zero or error, got 'foward'; did you mean 'forward'?"),
    "a step of no unit": (WIDE, {"step": "1m"}, "step: expected a whole number and a unit, such as 15min, h, D, B "
                          "(business days), W, M, Q or Y, got '1m'; for minutes write min, for months M"),
    "no id": ("unique_id,ds,y\nA,2020-01-01,1\n,2020-01-02,2", {},
              "t.csv, line 3, column 'unique_id': no id (1 such rows); fill it in, or take the row out"),
    "no time": ("ds,y\n2020-01-01,1\n,2\n2020-01-03,3", {},
                "t.csv, line 3, column 'ds': a value without a time; fill it in, or take the row out"),
    "ratings": ("user,item,timestamp,rating\n1,7,2020-01-01,5\n2,7,2020-01-02,3", {},
                "t.csv, line 2, column 'item': '7' is a kind of event, so t.csv looks like a log of events, no series; "
                "open it as a log of events (open_events; --as events on the command line), or name the numbers to "
                "forecast by target"),
    "times and other words": (
        "ds,y\n" + "\n".join(f"{'soon' if d % 3 == 0 else f'2020-01-0{d}'},{d}" for d in range(1, 10)), {},
        "t.csv, line 4, column 'ds': expected a time, as in the rows around it, got 'soon'; mend it, or say how times "
        "are written by time_format"),
    "a target of words": ("ds,y,wind\n2020-01-01,1,NW\n2020-01-02,2,S", {"target": "wind"},
                          "t.csv, line 2, column 'wind': expected a number, got 'NW'; mend it, leave it empty where it "
                          "is missing, or name another column as target"),
    "a time of words": ("ds,y,wind\n2020-01-01,1,NW\n2020-01-02,2,S", {"time": "wind"},
                        "t.csv, line 2, column 'wind': expected a time, got 'NW'; mend it, say how times are written "
                        "by time_format, or name another column as time"),
    "an empty covariate": ("ds,y,x\n2020-01-01,1,\n2020-01-02,2,", {"known": "x"},
                           "t.csv, column 'x': nothing in it; leave it out of known"),
    "nothing at all": ("ds,y\n2020-01-01,\n2020-01-02,", {}, "t.csv: no column has a value; columns looked at: y; name "
                       "another by target"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(opened, case):
    text, options, message = REFUSED[case]
    with pytest.raises(InputError) as error:
        opened(text, **options)
    assert str(error.value) == message
