"""The same table in every form: packed, handed in, Parquet, JSON; and what only a form with types can say."""
import bz2
import datetime
import gzip
import io
import lzma
import random
import sys
import zipfile

import numpy as np
import pandas as pd
import pytest

from reprise.core.errors import InputError
from reprise.data.corpora.sources import Source
from reprise.data.tables.read import read_table

CSV = b"ds,y,k\n2020-01-01,1.5,a\n2020-01-02,,b\n2020-01-03,3.5,\n"
LINES = b'''{"ds": "2020-01-01", "y": 1.5, "k": "a"}
{"ds": "2020-01-02", "k": "b"}
{"ds": "2020-01-03", "y": 3.5, "k": null}
'''
LISTS = b'{"ds": ["2020-01-01", "2020-01-02", "2020-01-03"],\n "y": [1.5, null, 3.5], "k": ["a", "b", null]}'
FRAME = pd.DataFrame({"ds": pd.date_range("2020-01-01", periods=3), "y": [1.5, np.nan, 3.5], "k": ["a", "b", None]})


def zipped(content):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("inner.csv", content)
    return packed.getvalue()


def parquet(frame):
    pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    packed = io.BytesIO()
    frame.to_parquet(packed)
    return packed.getvalue()


def check(table):
    """It is the table that all forms here hold."""
    assert {name: column.kind for name, column in table.columns.items()} == {"ds": "time", "y": "number", "k": "text"}
    np.testing.assert_array_equal(table.columns["ds"].values, FRAME["ds"].to_numpy())
    np.testing.assert_array_equal(table.columns["y"].values, [1.5, np.nan, 3.5])
    assert table.columns["k"].values.tolist() == ["a", "b", None] and table.columns["k"].missing == 1


@pytest.mark.parametrize(("name", "content"), [
    ("a.csv", CSV), ("a.tsv", CSV.replace(b",", b"\t")), ("a.txt", CSV), ("a", CSV), ("a.csv.gz", gzip.compress(CSV)),
    ("a.csv.xz", lzma.compress(CSV)), ("a.csv.bz2", bz2.compress(CSV)), ("a.zip", zipped(CSV)),
    ("gz", gzip.compress(CSV)), ("xz", lzma.compress(CSV)), ("zip", zipped(CSV)), ("a.jsonl", LINES),
    ("a.ndjson.gz", gzip.compress(LINES)), ("json", LINES),
    ("list.json", b"[" + LINES.strip().replace(b"\n", b",\n") + b"]"), ("lists.json", LISTS),
    ("bom.jsonl", b"\xef\xbb\xbf" + LINES.replace(b"\n", b"\r\n\r\n"))])
def test_every_form_holds_the_same(name, content, tmp_path):
    (tmp_path / name).write_bytes(content)
    check(read_table(tmp_path / name))
    check(read_table(str(tmp_path / name)))
    check(read_table(Source(tmp_path / name, "inner.csv" if name == "a.zip" else None)))


@pytest.mark.parametrize("content", [CSV, gzip.compress(CSV), zipped(CSV), LINES])
def test_standard_input(content, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    table = read_table("-")
    check(table)
    assert table.source == "standard input"


def test_data_frames_and_parquet(tmp_path):
    check(read_table(FRAME))
    (tmp_path / "a.parquet").write_bytes(parquet(FRAME))
    check(read_table(tmp_path / "a.parquet"))
    (tmp_path / "gz").write_bytes(gzip.compress(parquet(FRAME.set_index("ds"))))
    table = read_table(tmp_path / "gz")
    check(table)
    assert table.place(2, "y") == "gz, row 3, column 'y'" and "index kept as column 'ds'" in table.notes[0]
    (tmp_path / "cut").write_bytes(parquet(FRAME)[:-30])
    with pytest.raises(InputError, match=r"cannot read cut: .*complete"):
        read_table(tmp_path / "cut")


def test_the_index_is_kept_where_it_says_something():
    check(read_table(FRAME.set_index("ds")))
    assert list(read_table(FRAME[["y"]]).columns) == ["y"]
    unnamed = read_table(FRAME.set_index(FRAME["ds"].rename(None))[["y"]])
    assert list(unnamed.columns) == ["index", "y"] and unnamed.columns["index"].kind == "time"
    both = FRAME.assign(k=["a", "b", "c"]).set_index(["k", "ds"])
    assert list(read_table(both).columns) == ["k", "ds", "y"]
    above = pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", "x"), ("b", 1)]))
    assert list(read_table(above).columns) == ["a x", "b 1"]
    with pytest.raises(InputError, match="as its index and as a column; rename"):
        read_table(FRAME.set_index("ds", drop=False))
    with pytest.raises(InputError, match="several columns called 'y'; rename"):
        read_table(pd.concat([FRAME, FRAME[["y"]]], axis=1))
    with pytest.raises(InputError, match="0 rows"):
        read_table(FRAME[:0])


def test_types_of_frames():
    stamps = pd.date_range("2020-03-29", periods=3, freq="h", tz="Europe/Berlin")
    table = read_table(pd.DataFrame({
        "zoned": stamps, "days": [datetime.date(2020, 1, day) for day in (1, 2, 3)],
        "months": pd.period_range("2020-01", periods=3, freq="M"),
        "flag": [True, False, True], "whole": pd.array([1, None, 3], "Int64"), "kind": pd.Categorical(["a", "b", "a"]),
        "code": ["1", "2", "3"], "mixed": [1, 2.5, None], "single": np.float32([0.5, 1, 2])}))
    kinds = {name: column.kind for name, column in table.columns.items()}
    assert kinds == {**dict.fromkeys(("zoned", "days", "months"), "time"), **dict.fromkeys(("kind", "code"), "text"),
                     **dict.fromkeys(("flag", "whole", "mixed", "single"), "number")}
    np.testing.assert_array_equal(table.columns["zoned"].values, stamps.tz_convert("UTC").tz_localize(None).to_numpy())
    months = np.arange("2020-01", "2020-04", dtype="datetime64[M]")
    np.testing.assert_array_equal(table.columns["months"].values, months)
    np.testing.assert_array_equal(table.columns["whole"].values, [1, np.nan, 3])
    assert table.columns["flag"].values.tolist() == [1, 0, 1]
    assert table.columns["code"].values.tolist() == ["1", "2", "3"]
    assert any("'zoned': times turned to UTC" in note for note in table.notes)


def test_long_codes_and_mixed_cells_of_json(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(b"""{"id": 12345678901234567, "y": 1, "flag": true}
{"id": 12345678901234568, "y": "2.5", "flag": null}
""")
    table = read_table(tmp_path / "a.jsonl")
    assert table.columns["id"].values.tolist() == ["12345678901234567", "12345678901234568"]
    assert table.columns["y"].values.tolist() == [1, 2.5]
    np.testing.assert_array_equal(table.columns["flag"].values, [1, np.nan])
    (tmp_path / "a.jsonl").write_bytes(b'{"y": 1}\n{"y": 2}\n{"y": 1%b}\n' % (b"0" * 400))
    with pytest.raises(InputError, match=r"a.jsonl, line 3, column 'y': expected a number within 3.4e38"):
        read_table(tmp_path / "a.jsonl")


def test_times_past_the_range_are_told_not_wrapped():
    with pytest.raises(InputError, match="row 2, column 'ds': expected a time from 1678 to 2261, got 9999-12-31"):
        read_table(pd.DataFrame({"ds": np.array(["2020-01-01", "9999-12-31"], "datetime64[s]"), "y": [1, 2]}))


def test_faults_in_frames():
    numbers = list(map(float, range(30)))
    for value, said in ((np.inf, "inf"), (1e39, "1e[+]39"), ("12,5x", "'12,5x'")):
        with pytest.raises(InputError, match=f"the data frame, row 8, column 'y': expected a number.*{said}.*mend"):
            read_table(pd.DataFrame({"y": [*numbers[:7], value, *numbers[8:]]}))
    with pytest.raises(InputError, match="expected a path, '-' or a pandas DataFrame, got ndarray"):
        read_table(np.zeros(3))


def test_columns_are_chosen_and_forced(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"a,b,c\n1,x,20200101\n2,y,20200102\n")
    assert list(read_table(tmp_path / "a.csv", columns=["c", "a"]).columns) == ["c", "a"]
    table = read_table(tmp_path / "a.csv", columns={"a": "text", "c": "time"})
    assert [table.columns[name].kind for name in "abc"] == ["text", "text", "time"]
    assert table.columns["c"].values[1] == np.datetime64("2020-01-02")
    assert table.columns["a"].texts.tolist() == ["1", "2"]
    named = read_table(tmp_path / "a.csv", time_format={"c": "%Y%m%d"})
    assert named.columns["c"].values[1] == np.datetime64("2020-01-02") and named.columns["a"].kind == "number"


def test_a_fault_in_a_column_left_out_does_no_harm(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"a,b\n1,1\n2,x\n3,1e39\n4,4\n")
    assert read_table(tmp_path / "a.csv", columns=["a"]).columns["a"].values.tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize("bits", [(b",", b";", b"\n", b'"'), (b"\0", b"\xff", b"x", b"1e39"),
                                  (b"2020-01-01", b"1,5", b"-", b"{")])
def test_no_damage_leads_to_anything_but_a_table_or_one_line(bits, tmp_path):
    draw = random.Random(0)
    for _ in range(60):
        content = bytearray(draw.choice((CSV * 3, LINES, CSV.replace(b",", b";"))))
        for _ in range(draw.randint(1, 4)):
            at = draw.randrange(len(content))
            content[at:at + draw.randrange(4)] = draw.choice(bits)
        (tmp_path / "a").write_bytes(content)
        try:
            table = read_table(tmp_path / "a")
        except InputError as error:
            assert "\n" not in str(error) and len(str(error)) < 400
        else:
            assert {len(column.values) for column in table.columns.values()} == {len(table)}
