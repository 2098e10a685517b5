"""Files that are odd and can be read: each gives exactly these values, and a note says what was done."""
import codecs
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pytest

from reprise.data.tables.read import read_table

NAN = float("nan")


class Odd(NamedTuple):
    """What a file holds, its columns as they must be read, and words that some note must have; "" where none is due."""

    content: bytes
    columns: dict[str, list]
    note: str = ""
    options: Mapping[str, Any] = MappingProxyType({})


DS = ["2020-01-01", "2020-01-02", "2020-01-03"]
Y = [1.5, 2.5, 3.5]
PLAIN = {"ds": DS, "y": Y}
ROWS = b"2020-01-01,1.5\n2020-01-02,2.5\n2020-01-03,3.5\n"
CSV = b"ds,y\n" + ROWS


def column(cells: str, values: list, note: str = "", **options: Any) -> Odd:
    """A file between semicolons, with the cells (between bars) as its second column."""
    parts = [part.strip() for part in cells.split("|")]
    content = "\n".join(["k;y", *(f"a{k};{cell}" for k, cell in enumerate(parts))]).encode()
    return Odd(content, {"k": [f"a{k}" for k in range(len(parts))], "y": values}, note, options)


def stamps(cells: str, values: list, note: str = "", **options: Any) -> Odd:
    """A file between semicolons, with the cells (between bars) as its first column."""
    parts = [part.strip() for part in cells.split("|")]
    content = "\n".join(["ds;y", *(f"{cell};{k}" for k, cell in enumerate(parts))]).encode()
    return Odd(content, {"ds": values, "y": list(range(len(parts)))}, note, options)


FILES = {
    # how fields are separated
    "comma": Odd(CSV, PLAIN),
    "tab": Odd(CSV.replace(b",", b"\t"), PLAIN, "fields between tabs"),
    "semicolon": Odd(CSV.replace(b",", b";"), PLAIN),
    "pipe": Odd(CSV.replace(b",", b"|"), PLAIN, r"fields between '\|'"),
    "blanks": Odd(CSV.replace(b",", b"   "), PLAIN, "fields between blanks"),
    "blanks to align": Odd(b"  ds            y\n  2020-01-01  1.5\n  2020-01-02  2.5\n  2020-01-03  3.5\n", PLAIN,
                           "between blanks"),
    "quoted between blanks": Odd(b'name y\n"a b" 1\n"c d" 2\n', {"name": ["a b", "c d"], "y": [1, 2]},
                                 "between blanks"),
    "delimiter said": Odd(b"ds:y\na:1\nb:2\n", {"ds": ["a", "b"], "y": [1, 2]}, "", {"delimiter": ":"}),
    "delimiter said in the file": Odd(b"sep=;\nds;y\na;1\nb;2\n", {"ds": ["a", "b"], "y": [1, 2]},
                                      "line before the header"),
    "one column": Odd(b"y\n1\n2\n3\n", {"y": [1, 2, 3]}),
    "one column with a hole": Odd(b"y\n1\n\n3\n\n\n", {"y": [1, NAN, 3]}, "2 empty lines left out"),
    "blanks around fields": Odd(b"ds , y\n2020-01-01 , 1.5 \n 2020-01-02, 2.5\n2020-01-03 ,3.5 \n", PLAIN),
    "semicolons within commas": Odd(b"k,y\na;b,1\nc;d,2\n", {"k": ["a;b", "c;d"], "y": [1, 2]}),
    "commas within semicolons": Odd(b"k;y\na, b;1\nc, d;2\n", {"k": ["a, b", "c, d"], "y": [1, 2]}),
    # lines
    "no line end at the end": Odd(CSV[:-1], PLAIN),
    "carriage returns": Odd(CSV.replace(b"\n", b"\r\n"), PLAIN),
    "carriage returns alone": Odd(CSV.replace(b"\n", b"\r"), PLAIN),
    "empty lines": Odd(CSV.replace(b"\n", b"\n\n"), PLAIN, r"4 empty lines left out \(from line 2\)"),
    "empty lines at the end": Odd(CSV + b"\n\n\n", PLAIN, "3 empty lines"),
    "lines of blanks": Odd(CSV + b"  \n", PLAIN, "1 empty line"),
    "lines of delimiters": Odd(CSV + b",\n,\n", PLAIN, r"2 empty lines left out \(from line 5\)"),
    "delimiter at every end": Odd(CSV.replace(b"\n", b",\n"), PLAIN, "without a name, left out"),
    "delimiter at every end but the header's": Odd(b"ds,y\n" + ROWS.replace(b"\n", b",\n"), PLAIN,
                                                   "without a name, left out"),
    "delimiter at the header's end": Odd(b"ds,y,\n" + ROWS, PLAIN),
    "quoted line breaks": Odd(b'k,y\n"a\nb",1\n"c\n\nd",2\n', {"k": ["a\nb", "c\n\nd"], "y": [1, 2]}),
    "quoted delimiters": Odd(b'k,y\n"a,b",1\n"c,d",2\n', {"k": ["a,b", "c,d"], "y": [1, 2]}),
    "doubled quotes": Odd(b'k,y\n"a ""b""",1\nc,2\n', {"k": ['a "b"', "c"], "y": [1, 2]}),
    "quotes as inches": Odd(b'k,y\n5" pipe,1\n6" pipe,2\n7" pipe,3\n',
                            {"k": ['5" pipe', '6" pipe', '7" pipe'], "y": [1, 2, 3]}, "quotes kept as letters"),
    "all quoted": Odd(b'"ds","y"\n"2020-01-01","1.5"\n"2020-01-02","2.5"\n"2020-01-03","3.5"\n', PLAIN),
    "repeated header": Odd(CSV + CSV, {"ds": DS * 2, "y": Y * 2}, r"1 repeated header line left out \(line 5\)"),
    "comments above": Odd(b"# made by us\n# in 2020\n" + CSV, PLAIN,
                          r"2 lines before the header left out \(from line 1\)"),
    "comments between": Odd(CSV + b"# a break\n2020-01-04,4.5\n", {"ds": [*DS, "2020-01-04"], "y": [*Y, 4.5]},
                            "comment line left out"),
    "names in a comment": Odd(b"# ds,y\n" + ROWS, PLAIN, "names taken from line 1"),
    "title": Odd(b"Sales of our shop\n\n" + CSV, PLAIN, "1 line before the header"),
    "units": Odd(b"ds,y\n-,degC\n" + ROWS, PLAIN, "second line below the header left out: '-', 'degC'"),
    "ragged tails": Odd(b"id,V1,V2,V3\na,1\nb,1,2\nc,1,2,3\n",
                        {"id": ["a", "b", "c"], "V1": [1, 1, 1], "V2": [NAN, 2, 2], "V3": [NAN, NAN, 3]},
                        "2 rows end early"),
    "names beyond all rows": Odd(b"id,V1,V2,V3\na,1\nb,1,2\nc,3\n", {
        "id": ["a", "b", "c"], "V1": [1, 1, 3], "V2": [NAN, 2, NAN], "V3": [NAN] * 3}, "3 rows end early"),
    "one row": Odd(b"ds,y\n2020-01-01,1.5\n", {"ds": DS[:1], "y": Y[:1]}),
    # headers
    "no header": Odd(ROWS, {"column 1": DS, "column 2": Y},
                     "no header: the columns are called 'column 1' to 'column 2'"),
    "no header, one column": Odd(b"1\n2\n3\n", {"column 1": [1, 2, 3]}, "no header"),
    "column without a name": Odd(b",y\na,1\nb,2\n", {"column 1": ["a", "b"], "y": [1, 2]}, "is called 'column 1'"),
    "names twice": Odd(b"k,y,y\na,1,2\nb,3,4\n", {"k": ["a", "b"], "y": [1, 3], "y (2)": [2, 4]}, "same name"),
    "header of two lines": Odd(b"k,y,y\n,low,high\na,1,2\nb,3,4\n",
                               {"k": ["a", "b"], "y low": [1, 3], "y high": [2, 4]}, "joined"),
    "numbers as names": Odd(b",0,1\na,5.5,7\nb,6.5,8\n", {"column 1": ["a", "b"], "0": [5.5, 6.5], "1": [7, 8]},
                            "is called 'column 1'"),
    "years as names": Odd(b"land,1990,1991\nA,5,7\nB,6,8\n", {"land": ["A", "B"], "1990": [5, 6], "1991": [7, 8]}),
    "text only": Odd(b"case,activity\nc1,start\nc1,end\n", {"case": ["c1", "c1"], "activity": ["start", "end"]}),
    "rows numbered by R": Odd(b'"k","y"\n"1","a",5\n"2","b",6\n', {"row": [1, 2], "k": ["a", "b"], "y": [5, 6]},
                              "called 'row'"),
    # letters
    "byte order mark": Odd(codecs.BOM_UTF8 + CSV, PLAIN, "byte order mark"),
    "UTF-16": Odd(CSV.decode().encode("utf-16"), PLAIN, "UTF-16-LE"),
    "UTF-16, the other way": Odd(codecs.BOM_UTF16_BE + CSV.decode().encode("utf-16-be"), PLAIN, "UTF-16-BE"),
    "UTF-16 without a mark": Odd(CSV.decode().encode("utf-16-le"), PLAIN, "UTF-16-LE"),
    "UTF-8": Odd("Größe,y\nä,1\nö,2\n".encode(), {"Größe": ["ä", "ö"], "y": [1, 2]}),
    "Latin-1": Odd("Größe,y\nä,1\nö,2\n".encode("latin-1"), {"Größe": ["ä", "ö"], "y": [1, 2]}, "line 1, .*cp1252"),
    "cp1252": Odd("price,y\n5 €,1\n6 € \u2013 7,2\n".encode("cp1252"), {"price": ["5 €", "6 € \u2013 7"], "y": [1, 2]},
                  "line 2, .*cp1252"),
    "encoding said": Odd("k,y\nж,1\nя,2\n".encode("cp1251"), {"k": ["ж", "я"], "y": [1, 2]}, "",
                         {"encoding": "cp1251"}),
    # numbers
    "decimal commas": Odd(b"ds;y\n2020-01-01;1,5\n2020-01-02;2,5\n2020-01-03;3,5\n", PLAIN, "decimal commas"),
    "decimal commas, quoted": Odd(b'k,y\na,"1,5"\nb,"2,25"\n', {"k": ["a", "b"], "y": [1.5, 2.25]}, "decimal commas"),
    "decimal commas, thousands": column("1.234,56 | 12,5 | 1.000", [1234.56, 12.5, 1000], "points between thousands"),
    "thousands": column("1,234.5 | 999 | 1,000,000", [1234.5, 999, 1000000.0], "commas between thousands"),
    "thousands, perhaps": column("1,234 | 5,678", [1234, 5678], r"'1,234' read as 1234 \(else say decimal=','\)"),
    "thousands not": column("1,234 | 5,678", [1.234, 5.678], decimal=","),
    "thousands by blanks": column("1 234 | 12 345 678", [1234, 12345678], "blanks or apostrophes"),
    "thousands by apostrophes": column("1'234.5 | 12", [1234.5, 12], "blanks or apostrophes"),
    "currency": column("$1.50 | $2 | -$3", [1.5, 2, -3], r"the sign \$ left out"),
    "currency behind": column("1,50 € | 2,00 €", [1.5, 2], "the sign € left out"),
    "percent": column("12% | 3.5 %", [12, 3.5], "the sign % left out"),
    "brackets for minus": column("(5) | 3", [-5, 3]),
    "a real minus sign": column("\u22125 | 3", [-5, 3]),
    "exponents": column("1e3 | -2.5E-3 | .5 | 5.", [1000, -0.0025, 0.5, 5]),
    "to the last bit": column("0.1 | 5.827000141143799 | 2.2250738585072014e-308",
                              [0.1, 5.827000141143799, 2.2250738585072014e-308]),
    "missing ones": column("1 |  | NA | NaN | null | #N/A | - | ? | 2", [1] + [NAN] * 7 + [2],
                           r"'#N/A', '-', '\?', 'null' taken as missing"),
    "a column of nothing": Odd(b"k,y\na,\nb,\n", {"k": ["a", "b"], "y": [NAN, NAN]}, "column 'y': nothing but missing"),
    "a column of NaN": Odd(b"k,y\na,NaN\nb,NaN\n", {"k": ["a", "b"], "y": [NAN, NAN]}, "nothing but missing"),
    "true and false": column("True | False | True", [1, 0, 1], "true and false read as"),
    "text like numbers": column("5% | $3 | 1,5 | 2.5 | go | stop", ["5%", "$3", "1,5", "2.5", "go", "stop"], "4 of 6"),
    "long codes, one missing": column("12345678901234567 | | 12345678901234568",
                                      ["12345678901234567", None, "12345678901234568"], "too long to be exact"),
    "true, false, missing": column("true | | false", [1, NAN, 0], "true and false read as"),
    "codes": column("001 | 002 | 013", ["001", "002", "013"], "begin with zeros"),
    "long codes": column("12345678901234567 | 12345678901234568", ["12345678901234567", "12345678901234568"],
                         "too long to be exact"),
    "half codes": column("12 | 13 | 14A | 15B | 16", ["12", "13", "14A", "15B", "16"],
                         "text, though 3 of 5 cells are numbers .'14A'.*line 4"),
    "text asked for": column("1e39 | 12", ["1e39", "12"], columns={"y": "text"}),
    "a dash in text": column("- | go | ?", ["-", "go", "?"]),
    "missing text": column(" | go | NA", [None, "go", None]),
    # times
    "minutes": stamps("2020-01-01 00:15 | 2020-01-01 00:30", ["2020-01-01T00:15", "2020-01-01T00:30"]),
    "T between": stamps("2020-01-01T00:15:01 | 2020-01-02T00:30:02", ["2020-01-01T00:15:01", "2020-01-02T00:30:02"]),
    "parts of seconds": stamps("2020-01-01 00:00:00.125 | 2020-01-01 00:00:00,25",
                               ["2020-01-01T00:00:00.125", "2020-01-01T00:00:00.250"]),
    "days without midnight": stamps("2020-01-01 | 2020-01-01 12:00:00", ["2020-01-01", "2020-01-01T12"]),
    "UTC": stamps("2020-01-01T00:00:00Z | 2020-01-01T01:00:00Z", ["2020-01-01T00", "2020-01-01T01"], "UTC"),
    "zones": stamps("2020-03-29T01:00:00+01:00 | 2020-03-29T03:00:00+02:00", ["2020-03-29T00", "2020-03-29T01"],
                    "times turned to UTC"),
    "day first": stamps("1/2/2020 | 13/2/2020", ["2020-02-01", "2020-02-13"], "day first"),
    "month first": stamps("1/2/2020 | 1/13/2020", ["2020-01-02", "2020-01-13"], "month first"),
    "day first, points": stamps("01.02.2020 10:00 | 13.02.2020 11:30", ["2020-02-01T10", "2020-02-13T11:30"],
                                "day first"),
    "either first": stamps("01/02/2020 | 02/02/2020 | 03/02/2020", ["2020-02-01", "2020-02-02", "2020-02-03"],
                           "two ways: taken day first"),
    "either first, said": stamps("01/02/2020 | 02/02/2020", ["2020-01-02", "2020-02-02"], time_format="%m/%d/%Y"),
    "either first, by order": stamps("01/11/2020 | 01/12/2020 | 02/01/2020 | 02/02/2020",
                                     ["2020-01-11", "2020-01-12", "2020-02-01", "2020-02-02"],
                                     "taken month first.*in order"),
    "short years": stamps("25.12.99 | 26.12.99", ["1999-12-25", "1999-12-26"], "day first"),
    "names of months": stamps("3-Jan-2020 | 4-Feb-2020", ["2020-01-03", "2020-02-04"]),
    "half days": stamps("1/13/2020 1:05 PM | 1/14/2020 12:05 AM", ["2020-01-13T13:05", "2020-01-14T00:05"],
                        "month first"),
    "months": stamps("1949-01 | 1949-02", ["1949-01", "1949-02"]),
    "quarters": stamps("2020Q1 | 2020Q2", ["2020-01", "2020-04"]),
    "years": Odd(b"year,y\n1821,5\n1822,6\n", {"year": ["1821", "1822"], "y": [5, 6]}, "whole numbers taken as times"),
    "eight digits": Odd(b"date,y\n20200131,5\n20200201,6\n", {"date": ["2020-01-31", "2020-02-01"], "y": [5, 6]},
                        "%Y%m%d"),
    "seconds since 1970": Odd(b"time,y\n1577836800,5\n1577836860,6\n",
                              {"time": ["2020-01-01", "2020-01-01T00:01"], "y": [5, 6]}, "s since 1970"),
    "milliseconds since 1970": Odd(b"ts,y\n1577836800000,5\n1577836860000,6\n",
                                   {"ts": ["2020-01-01", "2020-01-01T00:01"], "y": [5, 6]}, "ms since 1970"),
    "seconds, said": Odd(b"t,y\n0,5\n60,6\n", {"t": ["1970-01-01", "1970-01-01T00:01"], "y": [5, 6]}, "",
                         {"time_format": "s"}),
    "years of sales": Odd(b'"Month","Sales"\n"1-01",266.0\n"1-02",145.9\n',
                          {"Month": ["1-01", "1-02"], "Sales": [266, 145.9]}),
    "a missing time": stamps("2020-01-01 |  | 2020-01-03", ["2020-01-01", "NaT", "2020-01-03"]),
}


@pytest.mark.parametrize("name", FILES)
def test_is_read_as_it_was_meant(name, tmp_path):
    odd = FILES[name]
    (tmp_path / "odd.csv").write_bytes(odd.content)
    table = read_table(tmp_path / "odd.csv", **odd.options)
    assert list(table.columns) == list(odd.columns), table.notes
    for key, values in odd.columns.items():
        found = table.columns[key]
        if found.kind == "time":
            np.testing.assert_array_equal(found.values, np.array(values, "datetime64[ns]"), key)
        elif found.kind == "number":
            np.testing.assert_array_equal(found.values, np.array(values, float), key)
        else:
            assert found.values.tolist() == values
        assert len(found.texts) == len(table) == len(values)
    said = [note for note in table.notes if note != "fields between ';'"]
    assert re.search(odd.note, "\n".join(said)) if odd.note else not said, said
