"""How a file separates its fields and writes its decimals, from its first lines."""
import re
from collections import Counter
from collections.abc import Sequence
from typing import Literal, NamedTuple

from reprise.core.errors import InputError
from reprise.data.tables.records import fields_of, scan

__all__ = ["BLANKS", "MISSING", "MISSING_TEXT", "Dialect", "find_dialect", "rough"]

MISSING_TEXT = frozenset(["", "NA", "N/A", "n/a", "NaN", "nan", "NAN", "null", "NULL", "Null", "#N/A", "#NA", "<NA>",
                          "NaT"])
"""In a column of text, where a dash, a question mark or the word none may mean something."""

MISSING = MISSING_TEXT | {"-", "--", "\u2013", "\u2014", "?", ".", "..", "...", "None", "none", "nil", "na", "missing",
                          "(null)", "#NULL!", "-nan", "-NaN"}
"""In a column of numbers or times."""

BLANKS = "blanks"  # the delimiter that stands for any run of blanks
CANDIDATES = ("\t", ";", "|", ",")
HEAD, RECORDS = 1 << 18, 200
WORTH = {"number": 1.0, "time": 1.0, "missing": 0.9, "text": 0.6, "joined": 0.1}
CONSISTENT = 0.5  # of the records have the same number of fields, else a delimiter is none
NUMBER = re.compile(r"\(?[-+\u2212]?(?:[$€£¥] ?)?(?:\d[\d.,'\u2019\u00a0\u202f]*|[.,]\d+)(?:[eE][-+]?\d+)? ?[%€$£¥]?\)?"
                    r"|[-+]?(?:inf|infinity)", re.IGNORECASE)
TIME = re.compile(r"(?:\d{4}[-/.]\d{1,2}(?:[-/.]\d{1,2})?|\d{1,2}[-/.]\d{1,2}[-/.](?:\d{4}|\d\d)"
                  r"|\d{1,2}[-/. ]?[a-z]{3,9}[-/. ,]*\d{2,4}|[a-z]{3,9}[-/. ]*\d{1,2}, ?\d{4}|\d{4}[- ]?q[1-4])"
                  r"(?:[t ,]\s?\d\d?:\d\d[\d:.,]*)?"
                  r"(?: ?[ap]m)?(?: ?(?:z|utc|gmt|[-+]\d\d:?\d*))?", re.IGNORECASE)
Rough = Literal["number", "time", "missing", "text"]


class Dialect(NamedTuple):
    """delimiter: one letter, BLANKS, or None for a file of one column.   decimal: "." or ","."""

    delimiter: str | None
    decimal: str
    notes: tuple[str, ...]


def rough(cell: str) -> Rough:
    """What a field looks like, for guesses about the file; the column decides."""
    if cell in MISSING:
        return "missing"
    if NUMBER.fullmatch(cell):
        return "number"
    return "time" if TIME.fullmatch(cell) else "text"


def find_dialect(name: str, data: bytes, delimiter: str | None, decimal: str | None) -> Dialect:
    """The delimiter and the decimal mark; what the user gave counts, and is checked against the file."""
    if decimal not in (None, ".", ","):
        raise InputError(f"expected decimal '.' or ',', got {decimal!r}")
    sample = _sample(data)
    if delimiter is None and data[:4].lower() == b"sep=" and data[5:6] == b"\n":  # as Excel writes
        delimiter = data[4:5].decode()
    found, share = _best(sample)
    notes = []
    if delimiter is None:
        delimiter = found
        if found not in (None, ","):
            notes.append({"\t": "fields between tabs", BLANKS: "fields between blanks"}.get(found, f"fields between "
                                                                                                   f"{found!r}"))
    else:
        delimiter = _given(name, delimiter, sample, found if share == 1 else None)
    if decimal is None:
        decimal = _decimal(_cells(sample, delimiter), delimiter)
        if decimal == ",":
            notes.append("decimal commas")
    return Dialect(delimiter, decimal, tuple(notes))


def _sample(data: bytes) -> list[str]:
    head = data[:HEAD] if data.count(b"\n", 0, HEAD) > 2 else data[:HEAD << 6]
    records = scan(head, None, quoting=head.count(b'"') % 2 == 0 or len(head) < len(data))
    spans = [(start, end) for start, end in zip(records.starts[:RECORDS], records.ends[:RECORDS])]
    if len(head) < len(data) and len(records.starts) <= RECORDS and len(spans) > 1:
        spans = spans[:-1]  # cut short
    texts = (head[start:end].decode(errors="replace") for start, end in spans)
    return [text for text in texts if text.strip() and text[0] not in "#%" and text[:4].lower() != "sep="]


def _best(sample: Sequence[str]) -> tuple[str | None, float]:
    """The delimiter that makes the most sense of the sample, and the share of its records that it cuts alike."""
    scores = {}
    for candidate in (*CANDIDATES, BLANKS):
        split = _cells(sample, candidate)
        widths = Counter(map(len, split))
        if not widths or (width := max(widths, key=lambda width: (widths[width], width))) < 2:
            continue
        share = widths[width] / len(split)
        if len(split[0]) == max(widths):  # short rows below a full header: series of different lengths
            share = max(share, 0.8 * sum(len(row) > 1 for row in split) / len(split))
        if share < CONSISTENT:
            continue
        rows = [row for row in split if len(row) == width][:RECORDS]
        rows = rows[1:] or rows
        worth = [WORTH[_kind(cell, candidate)] for row in rows for cell in row]
        factor = 0.9 if candidate == BLANKS else 1.0
        scores[candidate] = factor * share**2 * sum(worth) / len(worth), share
    if not scores:
        return None, 0.0
    best = max(scores, key=lambda candidate: scores[candidate][0])
    return best, scores[best][1]


def _kind(cell: str, delimiter: str) -> str:
    kind = rough(cell)
    if kind == "text" and any(other in cell for other in "\t;|" if other != delimiter):
        return "joined"
    return kind


def _cells(sample: Sequence[str], delimiter: str | None) -> list[list[str]]:
    if delimiter == BLANKS:
        return [record.split() for record in sample]
    return [fields_of(record, delimiter) for record in sample]


def _given(name: str, delimiter: str, sample: Sequence[str], found: str | None) -> str:
    if delimiter in (" ", r"\s+", "whitespace"):
        delimiter = BLANKS
    if delimiter != BLANKS and (len(delimiter) != 1 or not delimiter.isascii() or delimiter in '"\n\r'):
        raise InputError(f"expected a delimiter of one ASCII letter, or 'blanks', got {delimiter!r}; try delimiter=','")
    widest = max(map(len, _cells(sample, delimiter)), default=1)
    if widest == 1 and found is not None:
        count = len(_cells(sample[:1], found)[0])
        raise InputError(f"{name}, line 1: no field ends in the delimiter {delimiter!r}, though {found!r} cuts every "
                         f"line into {count}; try delimiter={found!r}")
    return delimiter


def _decimal(rows: Sequence[Sequence[str]], delimiter: str | None) -> str:
    """A comma where some number can only be read with one, and none only with a point."""
    if delimiter == ",":
        quoted = [cell for row in rows for cell in row if "," in cell]
    else:
        quoted = [cell for row in rows for cell in row]
    comma = any(re.fullmatch(r"[-+]?(?:\d{1,3}(?:\.\d{3})+|\d*),\d+[ %€]*", cell) and not re.fullmatch(
        r"[-+]?[1-9]\d{0,2}(?:,\d{3})+", cell) for cell in quoted)
    point = any(re.fullmatch(r"[-+$]*(?:\d{1,3}(?:,\d{3})+|\d*)\.\d+(?:[eE][-+]?\d+)?%?", cell) and not re.fullmatch(
        r"[-+]?[1-9]\d{0,2}(?:\.\d{3})+", cell) for row in rows for cell in row)
    return "," if comma and not point else "."
