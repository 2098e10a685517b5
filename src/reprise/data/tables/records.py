"""Where the records of a delimited file begin and end, and how many fields each has: counted for all, quickly."""
import re
from typing import NamedTuple

import numpy as np
from jaxtyping import Int64

__all__ = ["Records", "fields_of", "scan", "tabbed"]

BLOCK = 1 << 20
NEWLINE, QUOTE, SPACE = 10, 34, 32


class Records(NamedTuple):
    """Of each record: its first byte, the one behind its last, the line it begins in (from 1), how many fields it has.

    stray: the byte of the first quote that stands where none may, or is never closed; None where all is well.
    """

    starts: Int64[np.ndarray, " R"]
    ends: Int64[np.ndarray, " R"]
    lines: Int64[np.ndarray, " R"]
    fields: Int64[np.ndarray, " R"]
    stray: int | None = None


def scan(data: bytes, delimiter: str | None, *, quoting: bool = True) -> Records:
    """The records of UTF-8 text. A line break or a delimiter between quotes, where `quoting`, is a letter like others.

    delimiter: one byte; None where each record is one field.
    """
    code = -1 if delimiter is None else ord(delimiter)
    whole = np.frombuffer(data, np.uint8)
    quoting = quoting and b'"' in data
    ends, lines, fields, quotes = [], [], [], []
    inside, line, seen = np.uint8(0), 0, 0
    for start in range(0, len(data), BLOCK):
        block = whole[start:start + BLOCK]
        breaks, marks = np.flatnonzero(block == NEWLINE), np.flatnonzero(block == code)
        ending = breaks
        if quoting:
            quote = block == QUOTE
            within = np.cumsum(quote, dtype=np.uint8) + inside & 1
            ending, marks = breaks[within[breaks] == 0], marks[within[marks] == 0]
            quotes.append(np.flatnonzero(quote) + start)
            inside = within[-1]
        ends.append(ending + start)
        lines.append(np.searchsorted(breaks, ending, "right") + line)
        fields.append(np.searchsorted(marks, ending) + seen)
        line, seen = line + len(breaks), seen + len(marks)
    if not data.endswith(b"\n") or inside:
        ends.append([len(data)]), lines.append([line + 1]), fields.append([seen])
    stops, after = np.concatenate(ends).astype(np.int64), np.concatenate(lines).astype(np.int64)
    counts = np.diff(np.concatenate(fields), prepend=0).astype(np.int64) + 1
    starts, first = np.r_[0, stops[:-1] + 1], np.r_[1, after[:-1] + 1]
    stray = _stray(whole, np.concatenate(quotes), code) if quoting else None
    return Records(starts, stops, first, counts, stray)


def _stray(whole: np.ndarray, quotes: np.ndarray, code: int) -> int | None:
    """The first quote that opens within a field or closes before its end; the quote that opened, where that is why."""
    before = whole[np.maximum(quotes - 1, 0)]
    after = whole[np.minimum(quotes + 1, len(whole) - 1)]
    opens = np.arange(len(quotes)) % 2 == 0
    free = [NEWLINE, QUOTE, SPACE, code]
    wrong = np.where(opens, ~np.isin(before, free) & (quotes > 0), ~np.isin(after, free) & (quotes < len(whole) - 1))
    if wrong.any():
        first = int(wrong.argmax())
        return int(quotes[first if opens[first] else first - 1])
    return int(quotes[-1]) if len(quotes) % 2 else None


def fields_of(record: str, delimiter: str | None, *, quoting: bool = True) -> list[str]:
    """The fields of one record, without quotes and surrounding blanks."""
    if delimiter is None:
        parts = [record]
    elif not quoting or '"' not in record:
        parts = record.split(delimiter)
    else:
        parts = re.findall(rf'( *"(?:[^"]|"")*"[^{re.escape(delimiter)}]*|[^{re.escape(delimiter)}]*)'
                           rf'(?:{re.escape(delimiter)}|\Z)', record)
        parts = parts[:-1] if len(parts) > 1 and not record.endswith(delimiter) else parts  # the empty match at the end
    return [_bare(part.strip()) if quoting else part.strip() for part in parts]


def _bare(part: str) -> str:
    return part[1:-1].replace('""', '"').strip() if len(part) > 1 and part[0] == part[-1] == '"' else part


def tabbed(data: bytes) -> bytes:
    """Fields between runs of blanks, with a tab between them instead; line for line."""
    data = re.sub(rb"(?m)^[ \t]+|[ \t]+$", b"", data)
    if b'"' not in data:
        return re.sub(rb"[ \t]+", b"\t", data)
    return re.sub(rb'"[^"\n]*"|[ \t]+', lambda found: found[0] if found[0][:1] == b'"' else b"\t", data)
