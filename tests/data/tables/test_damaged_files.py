"""Files that cannot be read as they stand: one line that names file, line and column, what is there, what to do."""
import gzip
import lzma
import re
import zipfile
from collections.abc import Mapping
from io import BytesIO
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest

from reprise.core.errors import InputError
from reprise.data.tables.read import read_table

CSV = b"ds,y\n" + b"".join(b"2020-01-%02d,%d.5\n" % (day, day) for day in range(1, 31))
BOTH = b"ds,y\n" + b"".join(b"2020-%02d-%02d,%d.5\n" % (month, day, day) for month in (1, 2, 3) for day in range(1, 29))


class Bad(NamedTuple):
    """What a file holds; where the message must say the fault is; what else it must say, the remedy last."""

    content: bytes
    place: str
    remedy: str
    options: Mapping[str, Any] = MappingProxyType({})
    name: str = "bad.csv"


def with_line(number: int, line: bytes, content: bytes = CSV) -> bytes:
    """The file with one line, counted from 1, replaced."""
    lines = content.split(b"\n")
    lines[number - 1] = line
    return b"\n".join(lines)


def cell(text: str) -> Bad:
    """A cell in the column of numbers that is none."""
    said = re.escape(repr(text[:40]))
    return Bad(with_line(7, b"2020-01-06," + text.encode()), "bad.csv, line 7, column 'y'",
               f"{said}.*mend it, leave it empty.*columns={{'y': 'text'}}")


def stamp(text: str, found: str = "expected a time") -> Bad:
    """A cell in the column of times that does not fit."""
    return Bad(with_line(7, text.encode() + b",6.5"), "bad.csv, line 7, column 'ds'", f"{re.escape(text)}|{found}")


def zipped(**members: bytes) -> bytes:
    """An archive of files."""
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()


FILES = {
    # a cell that is no number
    "text": cell("broken"),
    "a letter behind": cell("12.5x"),
    "a comma and a letter": cell('"12,5x"')._replace( remedy="'12,5x'.*mend it, leave it empty.*columns"),
    "two points": cell("1.2.3"),
    "an error of Excel": cell("#DIV/0!"),
    "hexadecimal": cell("0x1f"),
    "an underscore": cell("1_000"),
    "a unit": cell("12 kW"),
    "a time": cell("2020-01-01"),
    "two numbers": cell("12 13"),
    "a sign alone": cell("+"),
    "an exponent alone": cell("e5"),
    "a quote": cell("'12'"),
    "beyond float32": cell("1e39"),
    "below float32": cell("-1e39"),
    "beyond float64": cell("1e400"),
    "infinite": cell("inf"),
    "minus infinite": cell("-Infinity"),
    "a number of 400 digits": cell("1" * 400),
    "a number of a million digits": cell("9" * 10**6),
    "text in the first row": Bad(with_line(2, b"2020-01-01,x"), "line 2, column 'y'", "'x'.*mend it"),
    "text in the last row": Bad(with_line(31, b"2020-01-30,x"), "line 31, column 'y'", "'x'.*mend it"),
    "text without a header": Bad(with_line(7, b"2020-01-06,x", CSV[5:]), "line 7, column 'column 2'", "'x'.*mend it"),
    "text in the first row without a header": Bad(with_line(1, b"2020-01-01,12x", CSV[5:]),
                                                  "line 1, column 'column 2'", "'12x'.*mend"),
    "text behind empty lines": Bad(with_line(7, b"\n\n2020-01-06,x"), "line 9, column 'y'", "'x'.*mend it"),
    "text behind a quoted line break": Bad(b'k,y\n"a\nb",1\nc,2\nd,x\n', "line 5, column 'y'", "'x'.*mend it"),
    "text between tabs": Bad(with_line(7, b"2020-01-06,x").replace(b",", b"\t"), "line 7, column 'y'", "'x'.*mend it"),
    "text between blanks": Bad(with_line(7, b"2020-01-06,x").replace(b",", b"  "), "line 7, column 'y'",
                               "'x'.*mend it"),
    "two texts of many": Bad(with_line(70, b"2020-03-13,x", with_line(7, b"2020-01-06,z", BOTH)),
                             "line 7, column 'y'", "'z'.*mend it"),
    "infinite, all": Bad(b"k,y\na,inf\nb,inf\n", "line 2, column 'y'", "'inf'.*columns"),
    "text where a number was asked": Bad(b"k,y\na,1\nb,x\nc,z\nd,w\n", "line 3, column 'y'", "'x'.*mend",
                                         {"columns": {"y": "number"}}),
    "mixed decimals": Bad(b"k;y\na;1,5\nb;2,5\nc;3.25\n", "line 4, column 'y'",
                          "'3.25' and '1,5' .*line 2.*different decimal marks"),
    "mixed decimals, thousands": Bad(b"k;y\na;1.234,5\nb;1,234.5\n", "line 3, column 'y'",
                                     "different decimal marks; write all"),
    "mixed currencies": Bad(b"k;y\na;$5\nb;\xe2\x82\xac6\n", "line 3, column 'y'",
                            "another unit than '\\$5'.*write all of the column in one"),
    "per cent behind nought": Bad(b"k;y\na;0\nb;9%\nc;5\n", "line 4, column 'y'", "another unit than '9%'.*write all"),
    "per cent and parts": Bad(b"k;y\na;0.25\nb;12%\n", "line 3, column 'y'", "another unit than '0.25'.*write all"),
    # a cell that is no time
    "no time": stamp("yesterday"),
    "no month": stamp("2020-13-01"),
    "no day": stamp("2020-02-30"),
    "an hour too many": stamp("2020-01-06 25:00"),
    "past 2262": stamp("9999-12-31"),
    "a year alone": stamp("2020"),
    "before Rome": stamp("0000-00-00"),
    "two formats": Bad(with_line(7, b"06.01.2020,6.5"), "line 7, column 'ds'",
                       r"'06.01.2020'.*'2020-01-01'.*line 2.*in one format"),
    "day and month first": Bad(b"ds,y\n13/01/2020,1\n14/01/2020,2\n01/15/2020,3\n", "line 4, column 'ds'",
                               r"'01/15/2020'.*line 2.*in one format"),
    "two formats, half of each": Bad(b"ds,y\n2020-01-01,1\n02.01.2020,2\n2020-01-03,3\n04.01.2020,4\n", "column 'ds'",
                                     "in one format"),
    "a zone at times": Bad(b"ds,y\n2020-01-01T00:00:00Z,1\n2020-01-01T01:00:00,2\n", "line 3, column 'ds'",
                           r"line 2.*has one; give all"),
    "not the format said": Bad(CSV, "line 2, column 'ds'", r"format '%d.%m.%Y'", {"time_format": "%d.%m.%Y"}),
    # records
    "a field too many": Bad(with_line(7, b"2020-01-06,6.5,9"), "line 7, column 'y'",
                            "3 fields, but the header has 2 .*'9'.*take the delimiter away"),
    "decimal commas between commas": Bad(CSV.replace(b".", b","), "line 2, column 'y'",
                                         "3 fields, but the header has 2 .*decimal comma"),
    "a field too few": Bad(with_line(7, b"2020-01-06"), "line 7, column 'y'",
                           "1 field, but the header has 2 .*give the missing fields"),
    "a last line cut short": Bad(CSV + b"2020-0", "line 32, column 'y'", "1 field.*cut short"),
    "a footer": Bad(CSV + b"Source: our shop\n", "line 32, column 'y'", "1 field.*take the line out"),
    "a quote never closed": Bad(b'k,y\na,1\n"b,2\nc,3\n"d",4\n', "line 3, column 1", "never closed.*close it"),
    "a quote never closed, alone": Bad(b'k,y\n"a",1\n"b,2\nc,3\n', "line 3, column 1", "never closed.*close it"),
    "a quote within quotes": Bad(b'k,y\n"a",1\n"5" pipe",2\nc,3\n', "line 3, column 1", "double it"),
    "wrong delimiter": Bad(CSV, "line 1", "delimiter ';'.*try delimiter=','", {"delimiter": ";"}),
    "no delimiter": Bad(CSV, "a delimiter of one", "try delimiter=','", {"delimiter": "::"}),
    "header only": Bad(b"ds,y\n", "line 1 is a header .ds, y.", "no rows follow.*written whole"),
    "two headers only": Bad(b"ds,y\nds,y\n", "line 1 is a header", "written whole"),
    # bytes
    "empty": Bad(b"", "bad.csv is empty", "written whole"),
    "blank": Bad(b"\n \n\n", "nothing but blanks", "written whole"),
    "zeros alone": Bad(bytes(100), "nothing but blanks", "written whole"),
    "a zero byte": Bad(with_line(7, b"2020-01-06,6\x00.5"), "line 7, character 13", "zero byte.*remove it"),
    "a byte that is not UTF-8": Bad(with_line(7, b"2020-01-06,6\xff.5", CSV.replace(b"ds", "dß".encode())),
                                    "line 7, character 13", "0xff is not UTF-8.*encoding='cp1252'"),
    "cut UTF-16": Bad(CSV.decode().encode("utf-16")[:-1], "line 31, character 16", "does not fit.*cut short"),
    "not the encoding said": Bad("k,y\nä,1\n".encode("latin-1"), "line 2, character 1",
                                 "does not fit the encoding utf-8", {"encoding": "utf-8"}),
    "no encoding": Bad(CSV, "unknown encoding 'klingon'", "try 'utf-8'", {"encoding": "klingon"}),
    "random bytes": Bad(bytes(range(256)) * 20, "bad.csv looks like binary", "give a CSV"),
    "a picture": Bad(b"\x89PNG\r\n\x1a\n" + bytes(range(100)), "PNG", "give a CSV"),
    "a PDF": Bad(b"%PDF-1.7\n" + CSV, "PDF", "give a CSV"),
    "a tar archive": Bad(bytes(257) + b"ustar" + bytes(250) + CSV, "tar archive", "give a CSV"),
    "an Excel sheet": Bad(zipped(**{"[Content_Types].xml": b"<x/>", "xl/sheet.xml": b"<x/>"}), "Excel",
                          "save the sheet as CSV", {}, "bad.xlsx"),
    "a cut gz": Bad(gzip.compress(CSV * 50)[:-9], "cannot read bad.csv.gz", "complete", {}, "bad.csv.gz"),
    "a cut xz": Bad(lzma.compress(CSV * 50)[:-20], "cannot read bad.csv.xz", "complete", {}, "bad.csv.xz"),
    "a gz that is none": Bad(CSV, "cannot read bad.csv.gz", "complete", {}, "bad.csv.gz"),
    "a zip that is none": Bad(CSV, "cannot read bad.zip", "complete", {}, "bad.zip"),
    "a zip of two": Bad(zipped(**{"a.csv": CSV, "b.csv": CSV}), "got 2.*a.csv.*b.csv", "give the one you mean", {},
                        "bad.zip"),
    "a zip of text in a cell": Bad(zipped(**{"a.csv": with_line(7, b"2020-01-06,x")}),
                                   "bad.zip:a.csv, line 7, column 'y'", "mend it", {}, "bad.zip"),
    "a cut Parquet": Bad(b"PAR1" + CSV, "cannot read bad.parquet", "complete", {}, "bad.parquet"),
    # JSON
    "JSON cut short": Bad(b'{"k": "a", "y": 1}\n{"k": "b", "y"', "line 2, character 1[45]", "cut short", {},
                          "bad.jsonl"),
    "JSON of a list": Bad(b'{"k": "a", "y": 1}\n[1, 2]\n', "line 2", "expected an object.*mend it", {}, "bad.jsonl"),
    "JSON with text": Bad(b"".join(b'{"k": "a", "y": %b}\n' % (b'"x"' if k == 3 else b"1.5") for k in range(9)),
                          "line 4, column 'y'", "'x'.*mend it", {}, "bad.jsonl"),
    "JSON with infinity": Bad(b'{"k": "a", "y": 1}\n{"k": "b", "y": Infinity}\n', "line 2, column 'y'", "inf", {},
                              "bad.jsonl"),
    "JSON with 1e39": Bad(b'{"k": "a", "y": 1}\n{"k": "b", "y": 1e39}\n', "line 2, column 'y'", "1e\\+39", {},
                          "bad.jsonl"),
    "JSON with a key twice": Bad(b'{"k": "a", "y": 1, "y": 2}\n', "line 1, column 'y'", "take one out", {},
                                 "bad.jsonl"),
    "JSON of other lengths": Bad(b'{"k": ["a", "b"], "y": [1]}', "column 'y'", "give all columns as many", {},
                                 "bad.json"),
    "JSON of a number": Bad(b"12", "bad.json is JSON", "expected", {}, "bad.json"),
    "JSON of lists": Bad(b'{"k": [1], "y": {"a": 1}}\n{"k": [2], "y": {}}\n', "no column of plain values",
                         "give each", {}, "bad.jsonl"),
    # what is asked for
    "no such column": Bad(CSV, "bad.csv has no column 'Y'", "did you mean 'y'", {"columns": ["ds", "Y"]}),
    "no such kind": Bad(CSV, "kinds of columns", "'number', 'time' or 'text'", {"columns": {"y": "float"}}),
    "one name": Bad(CSV, "a list of columns", r"columns=\['y'\]", {"columns": "y"}),
    "no decimal": Bad(CSV, "decimal '.' or ','", "got ';'", {"decimal": ";"}),
}


@pytest.mark.parametrize("name", FILES)
def test_is_refused_in_one_line(name, tmp_path):
    bad = FILES[name]
    (tmp_path / bad.name).write_bytes(bad.content)
    with pytest.raises(InputError) as refused:
        read_table(tmp_path / bad.name, **bad.options)
    said = str(refused.value)
    assert re.search(f"{bad.place}.*({bad.remedy})", said), said
    assert "\n" not in said and len(said) < 400 and str(tmp_path) not in said
    if not bad.options:
        assert said.count(bad.name.removesuffix(".zip")), said
