"""Logs as they come: columns found or said, rows in any order, lines, and what is wrong said with its place."""
import gzip

import numpy as np
import pytest

from reprise.core.errors import InputError
from reprise.data.events import list_events, open_events
from reprise.data.events.columns import find_roles
from reprise.data.events.rows import log_of_rows
from reprise.data.tables.table import Column, Table

MONDAY = np.datetime64("2024-05-06T08:00:00", "ns")


def table(**columns):
    made = {}
    for name, values in columns.items():
        values = np.asarray(values)
        if values.dtype.kind == "M":
            made[name] = Column(name, "time", values.astype("datetime64[ns]"))
        elif values.dtype.kind in "fi":
            made[name] = Column(name, "number", values.astype(float))
        else:
            made[name] = Column(name, "text", values.astype(object))
    return Table("shop.csv", made, np.arange(2, 2 + len(values)))


def opened(found, case=None, time=None, activity=None, attributes=()):
    return log_of_rows("shop", found, find_roles(found, case, time, activity, attributes))


def spoken(log):
    return {case.name: [log.vocabulary[kind] for kind in case.kinds] for case in log}


def minutes(*counts):
    return MONDAY + np.array(counts) * np.timedelta64(60, "s")


def test_rows_are_put_in_order_and_ties_stay():
    log = opened(table(**{"Case ID": ["b", "a", "b", "a", "b"], "Activity": ["pay", "see", "see", "buy", "ship"],
                          "Timestamp": minutes(9, 2, 5, 2, 9)}))
    assert spoken(log) == {"a": ["see", "buy"], "b": ["see", "pay", "ship"]}
    assert [case.name for case in log] == ["a", "b"] and log.vocabulary[0] == "see"
    b = log.cases[1]
    assert b.times.tolist() == [0, 240, 240] and b.gaps.tolist() == [0, 240, 0] and b.start == 180
    assert log.unit == "s" and "gaps of 240 s (median)" not in log.told() and "at most 240 s, 2 of them 0" in log.told()
    assert "columns: case 'Case ID', time 'Timestamp', activity 'Activity'" in log.notes
    assert "1 times a row came after a later one of its case: put in order" in log.notes


def test_nanoseconds_are_not_lost():
    stamps = MONDAY + np.array([0, 7, 19]).astype("timedelta64[ns]")
    assert opened(table(case=[1, 1, 1], time=stamps, item=[3, 3, 4])).cases[0].times.tolist() == [0, 7e-9, 1.9e-8]


def test_numbers_name_cases_and_kinds_and_rare_ones_are_kept():
    log = opened(table(user_id=[7, 7, 8], item_id=[100, 200, 100], price=[1.5, np.nan, 3.0]), attributes=["price"])
    assert spoken(log) == {"7": ["100", "200"], "8": ["100"]} and not log.timed
    np.testing.assert_array_equal(log.cases[0].attributes, [[1.5], [np.nan]])
    assert log.told() == ("shop: 2 cases, 3 events of 2 kinds, lengths 1 to 2 (median 1.5); no times; 1 kind seen only "
                          "once; attributes price; columns: case 'user_id', activity 'item_id'; attribute 'price' is "
                          "missing in 1 rows.")


def test_rows_that_say_nothing_are_left_out_and_that_is_said():
    log = opened(table(case=["a", None, "a", "a"], event=["x", "y", None, " z "],
                       time=np.array(["2024-01-01", "2024-01-01", "2024-01-02", "2024-01-02"], "datetime64[ns]")))
    assert spoken(log) == {"a": ["x", "z"]}
    assert any("1 rows left out that say nothing in column 'case' (the first is line 3)" in note for note in log.notes)
    assert any("in column 'event' (the first is line 4)" in note for note in log.notes)


def test_said_columns_come_before_found_ones():
    found = table(case=["a", "b"], activity=["x", "y"], machine=["m", "m"], when=[5.0, 3.0], time=[1.0, 2.0])
    log = opened(found, case="machine", time="when", activity="case")
    assert spoken(log) == {"m": ["b", "a"]}
    assert spoken(opened(found, case="machine", time=False)) == {"m": ["x", "y"]}


def test_one_case_has_to_be_said_where_a_column_could_be_it():
    found = table(event=["x", "y", "x"], where=["north", "south", "north"])
    with pytest.raises(InputError, match=r"shop.csv: no column is called case.*case='where', or case=False"):
        opened(found)
    assert spoken(opened(found, case=False)) == {"shop": ["x", "y", "x"]}
    assert len(opened(table(event=["x", "y", "x"], time=[1.0, 2.0, 3.0]))) == 1


@pytest.mark.parametrize(("columns", "said", "message"), [
    ({"case": ["a"], "event": [1.5]}, {}, "shop.csv, line 2, column 'event': expected a name or a whole number, got 1"),
    ({"case": ["a"], "event": ["x"], "time": ["noon"]}, {}, "line 2, column 'time': expected a time or a number, got"),
    ({"case": ["a"], "event": ["x"]}, {"case": "cas"}, "shop.csv has no column 'cas'; did you mean 'case'"),
    ({"case": ["a"], "event": ["x"]}, {"activity": "case", "case": "case"}, "are to be different columns"),
    ({"case": ["a"], "weight": [1.5]}, {}, "a column that says what happened .*, got case, weight"),
    ({"case": ["a"], "event": [None]}, {}, "no row says case and event; expected at least one event"),
    ({"case": ["a"], "event": ["x"], "by": ["y"]}, {"attributes": ["by"]}, "an attribute of numbers, got text"),
])
def test_what_is_wrong_is_said_with_its_place(columns, said, message):
    with pytest.raises(InputError, match=message):
        opened(table(**columns), **said)


def test_lines_with_times_beside_them(tmp_path):
    (tmp_path / "event-9.txt.gz").write_bytes(gzip.compress(b"up down up\n\ndown\n"))
    (tmp_path / "time-9.txt.gz").write_bytes(gzip.compress(b"1.5 1.5 4\n\n7\n"))
    log = open_events(tmp_path / "event-9.txt.gz")
    assert log.name == "event-9" and spoken(log) == {"1": ["up", "down", "up"], "3": ["down"]}
    assert log.cases[0].times.tolist() == [0, 0, 2.5] and log.cases[1].start == 7
    assert log.notes == ("a case a line", "1 empty lines left out", "times from time-9.txt.gz")


@pytest.mark.parametrize(("events", "times", "message"), [
    (b"a b\nc\n", b"1 2\n", "time-1.txt has 1 lines where event-1.txt has 2"),
    (b"a b\nc\n", b"1 2\n3 4\n", "time-1.txt, line 2: expected 1 times, one for each event in event-1.txt, got 2"),
    (b"a b\n", b"1 x\n", "time-1.txt, line 1, entry 2: expected a number, got 'x'"),
    (b"a b\n", b"2 1\n", "time-1.txt, line 1, entry 2: expected times that do not fall, got 1"),
    (b"a b\n", b"2 nan\n", "line 1, entry 2: expected times that do not fall, got nan"),
    (b"\n \n", b"1\n", "expected a case a line|lines where"),
    (b"a \xff b\n", b"1 2 3\n", "event-1.txt, line 1: not UTF-8"),
])
def test_lines_that_do_not_fit(tmp_path, events, times, message):
    (tmp_path / "event-1.txt").write_bytes(events)
    (tmp_path / "time-1.txt").write_bytes(times)
    with pytest.raises(InputError, match=message):
        open_events(tmp_path / "event-1.txt", layout="lines")


def test_names(tmp_path):
    assert list_events() == ["book-order-events", "hdfs-sessions", "hdfs-sessions-abnormal"]
    with pytest.raises(InputError, match="'hdfs-session' is neither a file here nor a known log of events; did you m"):
        open_events("hdfs-session")
    with pytest.raises(InputError, match="is a published log, whose columns are known"):
        open_events("hdfs-sessions", case="user")


def test_published_logs(data_folder, monkeypatch):
    monkeypatch.setenv("REPRISE_DATA", str(data_folder))
    log = open_events("hdfs-sessions")
    assert (len(log), log.events, len(log.vocabulary)) == (4855, 95_125, 14)
    assert spoken(log)["1"][:5] == ["5", "5", "5", "22", "11"]
    log = open_events("book-order-events")
    assert log.parts.count("train") == log.parts.count("test") == 100 and log.events == 414_800
    assert [len(case) for case in log.cases[::100]] == [3319, 829]


def test_tables_of_any_form(tmp_path):
    pd = pytest.importorskip("pandas")
    rows = pd.DataFrame({"session": ["s", "s", "r"], "event": ["x", "y", "x"], "t": [3.0, 1.0, 2.0]})
    rows.to_csv(tmp_path / "a.csv", index=False)
    rows.to_json(tmp_path / "b.jsonl", orient="records", lines=True)
    for what in (rows, tmp_path / "a.csv", tmp_path / "b.jsonl"):
        log = open_events(what)
        assert spoken(log) == {"s": ["y", "x"], "r": ["x"]} and log.timed and log.unit == ""
    assert spoken(open_events(tmp_path / "a.csv", activity="session", case="event")) == {"y": ["s"], "x": ["r", "s"]}
    with pytest.raises(InputError, match="is neither a file here"):
        open_events(tmp_path / "c.csv")
