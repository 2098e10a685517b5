"""CSV and its relatives: pandas' parser does the work; where a column is not plain numbers, its letters are judged."""
import csv
import re
from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np

from reprise.core.errors import InputError
from reprise.data.tables.columns import AS_NUMBERS, EXACT, Found, missing_words, read_column, read_stamps
from reprise.data.tables.dialect import BLANKS, MISSING, Dialect
from reprise.data.tables.layout import Layout, find_layout
from reprise.data.tables.records import scan, tabbed
from reprise.data.tables.table import Column, Table
from reprise.data.tables.times import UNITS
from reprise.data.tables.wishes import Ask, Wishes, told

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["read_delimited"]

LOOKED_AT = 1000  # rows, before all are looked at


def read_delimited(name: str, data: bytes, dialect: Dialect, wishes: Wishes) -> Table:
    """A table from UTF-8 text. Raises InputError with the place of what does not fit."""
    delimiter = dialect.delimiter
    if delimiter == BLANKS:
        data, delimiter = tabbed(data), "\t"
    parsed = _Parsed(_laid_out(name, data, delimiter), dialect.decimal)
    columns, said = parsed.columns(wishes)
    return Table(name, columns, parsed.lines, (*dialect.notes, *parsed.notes, *told(said)))


def _laid_out(name: str, data: bytes, delimiter: str | None) -> Layout:
    records = scan(data, delimiter)
    if records.stray is None:
        return find_layout(Layout(name, data, delimiter, records))
    line = data.count(b"\n", 0, records.stray) + 1
    if not _wrapped(data, delimiter):  # no field is quoted, so quotes are letters
        layout = find_layout(Layout(name, data, delimiter, scan(data, delimiter, quoting=False), quoting=False))
        layout.notes.append(f"quotes kept as letters (from line {line})")
        return layout
    start = data.rfind(b"\n", 0, records.stray) + 1
    place = data[start:records.stray].count((delimiter or "\n").encode()) + 1
    around = data[records.stray:records.stray + 30].split(b"\n")[0].decode(errors="replace")
    raise InputError(f"{name}, line {line}, column {place}: a quote that is never closed, or stands within a field, at "
                     f"{around!r}; close it, or double it and quote the whole field")


def _wrapped(data: bytes, delimiter: str | None) -> bool:
    """Whether some field is wholly in quotes."""
    mark = (delimiter or "\n").encode()
    return any(before + b'"' in data for before in (mark, b"\n")) and (
        any(b'"' + behind in data for behind in (mark, b"\n")))


class _Parsed:
    """The rows as pandas parses them, and the letters of columns that are not plain numbers."""

    def __init__(self, layout: Layout, decimal: str) -> None:
        self.name, self.names, self.unnamed, self.notes = layout.name, layout.names, layout.unnamed, layout.notes
        self.delimiter, self.quoting, self.decimal = layout.delimiter, layout.quoting, decimal
        self.data, self.start = _body(layout)
        self.lines = layout.records.lines[layout.rows]
        self.width = int(layout.records.fields[layout.rows].max())  # all rows may end before the last name

    def read(self, names: list[str], *, letters: bool, rows: int | None = None) -> "pd.DataFrame":
        """Columns as numbers or letters, whatever pandas takes them for; or all as letters. rows: so many of them."""
        import pandas as pd

        body = BytesIO(self.data)
        body.seek(self.start)
        places = {place: name for name in names if (place := self.names.index(name)) < self.width}
        frame = pd.read_csv(
            body, sep=self.delimiter or "\x1f", header=None, names=range(self.width), index_col=False,
            usecols=list(places) or [0], nrows=rows, dtype=str if letters else None, na_filter=not letters,
            na_values=sorted(MISSING), keep_default_na=False,
            decimal=self.decimal, quoting=csv.QUOTE_MINIMAL if self.quoting else csv.QUOTE_NONE, low_memory=False,
            skipinitialspace=True, float_precision="round_trip", skip_blank_lines=self.delimiter is not None)
        return frame.rename(columns=places).reindex(columns=names, fill_value="" if letters else np.nan, copy=False)

    def letters(self, name: str) -> np.ndarray:
        """What the file says in each row of a column."""
        return self.read([name], letters=True)[name].to_numpy(object)

    def place(self, name: str, row: int) -> str:
        """As Table.place says it."""
        return f"{self.name}, line {self.lines[row]}, column {name!r}"

    def columns(self, wishes: Wishes) -> tuple[dict[str, Column], dict[str, list[str]]]:
        """Every column wished for, and what to say, with the columns it is said of."""
        chosen = wishes.chosen(self.names, self.name)
        frame = self.read(chosen, letters=False)
        if len(frame) != len(self.lines):
            raise InputError(f"{self.name}: {len(self.lines):,} rows by their line ends, {len(frame):,} by their "
                             "quotes; look for a quote within a field, and double it")
        asks = {name: wishes.ask(name, self.names, partial(self.place, name)) for name in chosen}
        spelt = self._spelt(frame, asks)
        parts, letters = dict(frame.items()), {name: cells.to_numpy(object) for name, cells in spelt.items()}
        del frame, spelt
        columns, said = {}, {}
        for name in chosen:
            found = self._found(parts.pop(name), letters.pop(name, None), asks[name])
            if name in self.unnamed and found.kind == "number" and np.isnan(found.values).all():
                said.setdefault("empty and without a name, left out", []).append(name)
                continue
            columns[name] = Column(name, found.kind, found.values, partial(self.letters, name))
            for note in found.notes:
                said.setdefault(note, []).append(name)
        return columns, said

    def _found(self, column: "pd.Series", cells: np.ndarray | None, ask: Ask) -> Found:
        """One column: numbers that pandas read, or what its letters say."""
        if column.dtype.kind in "iuf" and ask.kind != "text" and ask.time_format in (None, *UNITS):
            found = self._plain(column, cells, ask)
        elif column.dtype.kind == "b" and ask.kind != "text":
            return Found("number", column.to_numpy(np.float64), (AS_NUMBERS,))
        else:
            found = read_column(column.to_numpy(object) if cells is None else cells, ask)
        if found.kind == "number":
            return read_stamps(found, ask, self.names) or found
        return found

    def _plain(self, column: "pd.Series", cells: np.ndarray | None, ask: Ask) -> Found:
        values = column.to_numpy(np.float64)
        if cells is not None and column.dtype.kind in "iu":
            return read_column(cells, ask)  # perhaps codes
        if np.nanmax(np.abs(values), initial=0) > EXACT:
            return read_column(self.letters(ask.name), ask)  # perhaps codes too long to be exact, or a cell at fault
        if np.isnan(values).all():
            return Found("number", values, ("nothing but missing values",))
        return Found("number", values, missing_words(cells) if cells is not None else ())

    def _perhaps_codes(self, names: list[str]) -> set[str]:
        """Columns of whole numbers that are all of one width, three digits or more, as far as one soon sees."""
        head = self.read(names, letters=True, rows=LOOKED_AT)
        widths = {name: set(map(len, head[name])) for name in names}
        return {name for name, found in widths.items() if len(found) == 1 and min(found) > 2}

    def _holds(self, pattern: bytes) -> bool:
        """Whether some field of the rows is of this pattern."""
        mark = re.escape((self.delimiter or "\n").encode())
        whole = re.compile(rb'[%b"\n] *(?:%b) *["\n%b]' % (mark, pattern, mark))
        return whole.search(self.data, max(self.start - 1, 0)) is not None

    def _spelt(self, frame: "pd.DataFrame", asks: dict[str, Ask]) -> "pd.DataFrame":
        """The letters of all columns that need them, read at once."""
        import pandas as pd

        kinds = {name: frame[name].dtype.kind for name in asks}
        codes = self._perhaps_codes([name for name, kind in kinds.items() if kind in "iu"])
        words = b"|".join(re.escape(word.encode()) for word in MISSING if word)
        dashes = any(kind == "f" and frame[name].hasnans for name, kind in kinds.items()) and self._holds(words)
        needed = []
        for name, ask in asks.items():
            kind, holes = kinds[name], kinds[name] in "fO" and frame[name].hasnans
            wished = ask.kind == "text" or ask.time_format not in (None, *UNITS)
            strings = kind == "O" and not holes and pd.api.types.infer_dtype(frame[name]) == "string"
            if wished or (kind == "O" and not strings) or name in codes or (kind == "f" and holes and dashes):
                needed.append(name)
        return self.read(needed, letters=True) if needed else pd.DataFrame()


def _body(layout: Layout) -> tuple[bytes, int]:
    """The bytes of the rows, and where in them the first begins; a copy only where some line between is left out."""
    records, rows = layout.records, np.flatnonzero(layout.rows)
    if rows[-1] - rows[0] == len(rows) - 1 and rows[-1] == len(layout.rows) - 1:
        return layout.data, int(records.starts[rows[0]])
    breaks = np.flatnonzero(np.diff(rows) > 1)
    first, last = np.r_[rows[0], rows[breaks + 1]], np.r_[rows[breaks], rows[-1]]
    return b"".join(layout.data[records.starts[a]:records.ends[b]] + b"\n" for a, b in zip(first, last)), 0
