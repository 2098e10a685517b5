"""Tables whose values have types: Parquet, JSON lines, data frames."""
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from reprise.core.errors import InputError, need
from reprise.data.tables.columns import AS_NUMBERS, EXACT, Found, checked, read_column, read_stamps
from reprise.data.tables.table import Column, Table
from reprise.data.tables.wishes import Ask, Wishes, told

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["is_json", "read_frame", "read_json", "read_parquet"]

JSON_ENDINGS = (".json", ".jsonl", ".ndjson")
NESTED = (list, tuple, dict, set, np.ndarray)


class Rows(NamedTuple):
    """Where the rows of a typed table are. counted: what `lines` counts, "line" or "row"."""

    name: str
    lines: np.ndarray
    counted: str

    def place(self, column: str) -> Callable[[int], str]:
        """As Table.place says it."""
        return lambda row: f"{self.name}, {self.counted} {self.lines[row]}, column {column!r}"


def read_frame(frame: "pd.DataFrame", wishes: Wishes, name: str = "the data frame") -> Table:
    """A data frame as a table, its index a column if it holds times or has a name."""
    import pandas as pd

    notes = []
    index = frame.index
    if any(level is not None for level in index.names) or isinstance(index, pd.DatetimeIndex | pd.PeriodIndex):
        if set(index.names) & set(frame.columns):
            raise InputError(f"{name} has {index.names[0]!r} as its index and as a column; rename one of them")
        kept = index.names if None not in index.names else ["index"] if index.nlevels == 1 else None
        frame = frame.reset_index(names=kept)
        levels = ", ".join(repr(str(level)) for level in frame.columns[:index.nlevels])
        notes.append(f"the index kept as column {levels}")
    names = [" ".join(map(str, label)) if isinstance(label, tuple) else str(label) for label in frame.columns]
    if len(set(names)) < len(names):
        twice = next(label for label in names if names.count(label) > 1)
        raise InputError(f"{name} has several columns called {twice!r}; rename them")
    if not len(frame) or not names:
        raise InputError(f"{name} has {len(frame)} rows and {len(names)} columns; expected one or more of each")
    rows = Rows(name, np.arange(1, len(frame) + 1), "row")
    return _table(rows, {label: frame.iloc[:, k] for k, label in enumerate(names)}, wishes, notes)


def read_parquet(name: str, data: bytes, wishes: Wishes) -> Table:
    """A Parquet file. Raises InputError where it is damaged, or pyarrow is missing."""
    parquet, arrow = need("pyarrow.parquet", "series"), need("pyarrow", "series")
    try:
        found = parquet.read_table(BytesIO(data))
        frame = found.to_pandas(date_as_object=False, timestamp_as_object=False)
    except (arrow.ArrowException, OSError, ValueError) as error:
        reason = str(error).splitlines()[0].split(". ")[0]
        raise InputError(f"cannot read {name}: {reason}; check that the file is complete") from error
    return read_frame(frame, wishes, name)


def is_json(name: str, data: bytes) -> bool:
    """Whether it begins as JSON does, or is called so."""
    plain = name.lower()
    for packed in (".gz", ".xz", ".bz2"):
        plain = plain.removesuffix(packed)
    start = data[:4096].lstrip()
    return plain.endswith(JSON_ENDINGS) or start.startswith((b'{"', b'[{', b"{ ")) or start.split() [:2] == [b"[", b"{"]


def read_json(name: str, data: bytes, wishes: Wishes) -> Table:
    """JSON lines, a list of objects, or one object of lists of one length. A key that a row lacks is missing there."""
    start = data.lstrip()[:1]
    first = data.lstrip().split(b"\n", 1)[0].rstrip()
    if start == b"[" or not first.endswith(b"}") or data.strip().count(b"\n") == 0:
        lines, found, counted = _from_whole(name, data)
    else:
        lines, found, counted = _from_lines(name, data)
    names = list(dict.fromkeys(key for row in found for key in row))
    if not found or not names:
        raise InputError(f"{name} holds no objects with values; expected lines such as "
                         f"{{\"ds\": \"2020-01-01\", \"y\": 1.5}}")
    columns = {key: [row.get(key) for row in found] for key in names}
    return _table(Rows(name, lines, counted), columns, wishes, [])


def _from_whole(name: str, data: bytes) -> tuple[np.ndarray, list[dict], str]:
    whole = _loaded(name, data.decode(), 1)
    if isinstance(whole, dict) and whole and all(isinstance(values, list) for values in whole.values()):
        counts = {key: len(values) for key, values in whole.items()}
        if len(set(counts.values())) > 1:
            key = min(counts, key=lambda key: counts[key])
            raise InputError(f"{name}, column {key!r}: {counts[key]} values, others have {max(counts.values())}; "
                             "give all columns as many, null where one is missing")
        whole = [dict(zip(whole, values)) for values in zip(*whole.values())]
    elif isinstance(whole, dict):
        whole = [whole]
    if not isinstance(whole, list):
        raise InputError(f"{name} is JSON, but no list of objects; expected [{{\"ds\": ..., \"y\": ...}}, ...] or "
                         "JSON lines")
    for place, row in enumerate(whole, 1):
        if not isinstance(row, dict):
            raise InputError(f"{name}, row {place}: expected an object like {{\"ds\": ..., \"y\": ...}}, got "
                             f"{str(row)[:40]}; mend it")
    return np.arange(1, len(whole) + 1), whole, "row"


def _from_lines(name: str, data: bytes) -> tuple[np.ndarray, list[dict], str]:
    lines, rows = [], []
    for line, text in _lines(data):
        row = _loaded(name, text, line)
        if not isinstance(row, dict):
            raise InputError(f"{name}, line {line}: expected an object like {{\"ds\": ..., \"y\": ...}}, got "
                             f"{text[:40]}; mend it or take the line out")
        lines.append(line), rows.append(row)
    return np.array(lines), rows, "line"


def _lines(data: bytes) -> Iterator[tuple[int, str]]:
    for line, text in enumerate(BytesIO(data), 1):
        if text.strip():
            yield line, text.decode().strip()


def _loaded(name: str, text: str, line: int) -> object:
    def unique(pairs: Sequence[tuple[str, object]]) -> dict:
        row = dict(pairs)
        if len(row) < len(pairs):
            keys = [key for key, _ in pairs]
            twice = next(key for key in keys if keys.count(key) > 1)
            raise InputError(f"{name}, line {line}, column {twice!r}: given twice in one object; take one out")
        return row

    try:
        return json.loads(text, object_pairs_hook=unique)
    except json.JSONDecodeError as error:
        raise InputError(f"{name}, line {line + error.lineno - 1}, character {error.colno}: no JSON ({error.msg}) at "
                         f"{text[max(error.pos - 10, 0):error.pos + 20].strip()!r}; mend it, or write the file anew "
                         "if it is cut short") from error
    except InputError:
        raise
    except (RecursionError, ValueError) as error:  # nested too deep, or a number of thousands of digits
        raise InputError(f"{name}, line {line}: no JSON that can be read ({error}); mend it") from error


def _table(rows: Rows, columns: Mapping[str, "Sequence[object] | pd.Series"], wishes: Wishes,
           notes: Sequence[str]) -> Table:
    kept, said = {}, {}
    for name in wishes.chosen(list(columns), rows.name):
        ask = wishes.ask(name, list(columns), rows.place(name))
        found = _found(columns[name], ask, list(columns))
        if found is None:
            said.setdefault("holds lists or objects, left out", []).append(name)
            continue
        kept[name] = Column(name, found.kind, found.values)
        for note in found.notes:
            said.setdefault(note, []).append(name)
    if not kept:
        raise InputError(f"{rows.name} has no column of plain values: lists and objects cannot be read; give each "
                         "value a column")
    return Table(rows.name, kept, rows.lines, (*notes, *told(said)), rows.counted)


def _found(values: "Sequence[object] | pd.Series", ask: Ask, names: list[str]) -> Found | None:
    """What one column is; None where it holds lists or objects."""
    import pandas as pd

    column = pd.Series(values, dtype=None if isinstance(values, pd.Series) else object)
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(column.cat.categories.dtype)
    if isinstance(column.dtype, pd.PeriodDtype):
        column = column.dt.to_timestamp()
    if column.dtype.kind not in "OMiufbc" or column.dtype == "string":
        column = column.astype(object)
    if ask.kind is None and pd.api.types.infer_dtype(column, skipna=True) == "integer":
        whole = column.dropna()
        if len(whole) and (abs(whole) > EXACT).mean() > 0.5:
            codes = column.map(str, na_action="ignore").astype(object)
            return Found("text", codes.where(codes.notna(), None).to_numpy(object), ("text, too long to be exact",))
    if column.dtype.kind == "O":
        column = column.where(column.notna(), None)
        if any(isinstance(value, NESTED) for value in column):
            return None
        if ask.kind != "text" and (narrowed := _narrowed(column)).dtype.kind != "O":
            column = narrowed
    if ask.kind == "text" or column.dtype.kind in "Oc":
        spelt = column.map(lambda value: None if value is None or value is pd.NaT else str(value), na_action="ignore")
        return read_column(spelt.to_numpy(object), ask, typed=pd.api.types.infer_dtype(column) in ("string", "empty"))
    if column.dtype.kind == "M":
        return _stamps(column, ask)
    values = column.to_numpy(np.float64, na_value=np.nan)
    notes = (AS_NUMBERS,) if column.dtype.kind == "b" else ()
    notes += ("nothing but missing values",) if np.isnan(values).all() else ()
    found = Found("number", checked(values, ask), notes)
    return read_stamps(found, ask, names) or found


def _narrowed(column: "pd.Series") -> "pd.Series":
    """Objects as the numbers or times they are, if all are; otherwise as they were."""
    import pandas as pd

    kinds = {pd.api.types.infer_dtype(column, skipna=True)}
    try:
        if kinds & {"integer", "floating", "mixed-integer-float", "decimal", "boolean", "empty"}:
            as_bool = kinds == {"boolean"} and column.notna().all()
            return column.astype(bool) if as_bool else column.astype(np.float64)
        if kinds & {"datetime", "datetime64", "date"}:
            return pd.to_datetime(column)
    except (ValueError, TypeError, OverflowError):
        pass
    return column


def _stamps(column: "pd.Series", ask: Ask) -> Found:
    import pandas as pd

    zoned = column.dt.tz is not None
    bare = column.dt.tz_convert("UTC").dt.tz_localize(None) if zoned else column
    year = bare.dt.year
    far = ((year <= pd.Timestamp.min.year) | (year >= pd.Timestamp.max.year)).to_numpy()
    if far.any():
        row = int(far.argmax())
        raise InputError(f"{ask.place(row)}: expected a time from 1678 to 2261, got {column.iloc[row]}; mend it, or "
                         "leave it empty for a missing value")
    values = bare.to_numpy("datetime64[ns]")
    return Found("time", values, ("times turned to UTC",) if zoned else ())
