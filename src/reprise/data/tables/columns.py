"""Of what kind a column is, from all of its cells; a cell that does not fit is an error with its place."""
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from reprise.core.errors import InputError
from reprise.data.tables.dialect import MISSING, MISSING_TEXT
from reprise.data.tables.numbers import LARGEST, at_fault, read_numbers
from reprise.data.tables.table import Kind
from reprise.data.tables.times import UNITS, from_digits, read_times, since_1970
from reprise.data.tables.wishes import Ask, speaks_of_time

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["AS_NUMBERS", "EXACT", "Found", "checked", "missing_words", "read_column", "read_stamps"]

EXACT = 2**53  # larger whole numbers lose their last digits as float64
TRUTH = {"true": 1.0, "false": 0.0}
AS_NUMBERS = "true and false read as 1 and 0"
SHOWN = 40  # letters of a cell in a message
YEARS = ("year", "yr", "jahr", "annee", "année", "ano", "año", "anno", "jaar")
PARTS = ("month", "day", "hour", "quarter", "week", "mon", "monat", "tag", "mois")
RANGES = (("s", 2e8, 4.2e9), ("ms", 2e11, 4.2e12), ("us", 2e14, 4.2e15), ("ns", 2e17, 4.2e18))


@dataclass(frozen=True)
class Found:
    """What a column is, and what to say of it."""

    kind: Kind
    values: np.ndarray
    notes: tuple[str, ...] = ()


def read_column(cells: np.ndarray, ask: Ask, *, typed: bool = False) -> Found:
    """A column from its letters: str objects, None or NaN where there are none.

    typed: text is known to be text (Parquet, JSON, a data frame): numbers alone do not make it numbers.
    Raises InputError for a cell that does not fit (see `at_fault`), with place and remedy.
    """
    import pandas as pd

    column = pd.Series(cells, dtype=object)
    column = _stripped(column.where(column.notna(), ""))
    filled = np.flatnonzero(~column.isin(MISSING).to_numpy())
    texts = column.to_numpy()
    if ask.kind == "text":
        return Found("text", _as_text(texts))
    if not len(filled):
        nothing = np.datetime64("NaT", "ns") if ask.kind == "time" else np.nan
        return Found(ask.kind or "number", np.full(len(texts), nothing), ("nothing but missing values",))
    if ask.kind is None and texts[filled[0]].lower() in TRUTH and set(map(str.lower, texts[filled])) <= TRUTH.keys():
        return Found("number", np.array([TRUTH.get(text.lower(), np.nan) for text in texts]), (AS_NUMBERS,))
    found = _as_times(texts, filled, ask) or _as_numbers(texts, filled, ask, typed=typed)
    if found is None:
        return Found("text", _as_text(texts))
    if isinstance(found, str):
        return Found("text", _as_text(texts), (found,))
    return Found(found.kind, found.values, (*found.notes, *missing_words(np.delete(texts, filled))))


def _stripped(column: "pd.Series") -> "pd.Series":
    """Without blanks around the cells; most often there are none, and that is told sooner than done."""
    letters = "\n".join(column)
    ends = (" \n", "\n ", "\t", "\u00a0", "\u3000")
    blank = letters != letters.strip() or any(end in letters for end in ends)
    return column.str.strip() if blank else column


def missing_words(texts: np.ndarray) -> tuple[str, ...]:
    """What to say of words that stand for a missing value and might mean something else."""
    spelt = sorted(set(texts) & (MISSING - {"", "NA", "NaN", "nan", "None"}))
    return (f"{', '.join(map(repr, spelt))} taken as missing",) if spelt else ()


def _as_text(texts: np.ndarray) -> np.ndarray:
    import pandas as pd

    missing = pd.Series(texts).isin(MISSING_TEXT).to_numpy()
    texts = texts.copy()
    texts[missing] = None
    return texts


def _as_times(texts: np.ndarray, filled: np.ndarray, ask: Ask) -> Found | None:
    if ask.kind == "number" or ask.time_format in UNITS or (ask.time_format is None and texts[filled[0]].isdigit()):
        return None
    found = read_times(texts[filled], ask.time_format, lambda k: ask.place(filled[k]))
    bad = 0 if found is None else int(found.bad.sum())
    if found is None or (bad and not at_fault(bad, len(filled)) and not (ask.kind or ask.time_format)):
        if ask.kind != "time":
            return None
        raise _fault(ask, filled[0 if found is None else found.bad.argmax()], texts, "a time", "2020-12-31 23:59:59")
    if bad:
        raise _fault(ask, filled[found.bad.argmax()], texts, "a time" + (
            f" of the format {ask.time_format!r}" if ask.time_format else " as the others, from 1678 to 2261"), "")
    values = np.full(len(texts), np.datetime64("NaT", "ns"))
    values[filled] = found.values
    return Found("time", values, found.notes)


def _as_numbers(texts: np.ndarray, filled: np.ndarray, ask: Ask, *, typed: bool) -> Found | str | None:
    cells = texts[filled]
    found = read_numbers(cells, ask.decimal, lambda k: ask.place(filled[k]))
    bad = int(found.bad.sum())
    if bad and ask.kind is None and not at_fault(bad, len(cells)):
        if bad * 2 > len(cells):
            return None
        first = filled[found.bad.argmax()]
        return (f"text, though {len(cells) - bad:,} of {len(cells):,} cells are numbers ({_cut(texts[first])}: "
                f"{ask.place(first)})")
    if bad:
        raise _fault(ask, filled[found.bad.argmax()], texts, "a number", "")
    if typed and ask.kind is None:
        return "text, though all its cells are numbers"
    if ask.kind is None and (said := _codes(cells, found.values)):
        return said
    values = np.full(len(texts), np.nan)
    values[filled] = found.values
    return Found("number", checked(values, ask, texts), found.notes)


def _codes(cells: np.ndarray, values: np.ndarray) -> str | None:
    """Digits that are no quantity: "007", or too many to be exact."""
    if not all(cell.isdigit() for cell in cells):
        return None
    widths = {len(cell) for cell in cells}
    if len(widths) == 1 and widths.pop() > 2 and any(cell[0] == "0" for cell in cells):
        return f"text, for its numbers begin with zeros ({cells[0]!r})"
    if np.median(values) > EXACT:
        return f"text, for its numbers are too long to be exact ({_cut(cells[0])})"
    return None


def checked(values: np.ndarray, ask: Ask, texts: np.ndarray | None = None) -> np.ndarray:
    """The same numbers; an InputError if one is infinite or beyond float32, which all models compute in."""
    beyond = np.abs(values) > LARGEST  # False for NaN
    if beyond.any():
        row = int(beyond.argmax())
        said = repr(float(values[row])) if texts is None else _cut(texts[row])
        raise InputError(f"{ask.place(row)}: expected a number within 3.4e38 (float32), got {said}; mend it, leave "
                         f"it empty for a missing value, or read the column as text (columns={{{ask.name!r}: 'text'}})")
    return values


def read_stamps(found: Found, ask: Ask, names: Sequence[str]) -> Found | None:
    """Times that are written as whole numbers: years, 20201231, seconds or milliseconds since 1970; None for others.

    Only where the column's name says so, or it is the first of `names` and counts years up one by one.
    """
    values, name = found.values, ask.name.lower()
    if ask.time_format in UNITS:
        return Found("time", since_1970(values, ask.time_format), found.notes)
    filled = values[~np.isnan(values)]
    if ask.kind in ("number", "text") or not len(filled):
        return None
    low, high, whole = filled.min(), filled.max(), bool((filled == np.round(filled)).all())
    hinted = speaks_of_time(name) or ask.kind == "time"
    steps = np.diff(values)
    forms = []
    counted = ask.name == names[0] and len(values) > 2 and (steps == 1).all()
    if whole and (name in YEARS or counted or (hinted and (steps > 0).all())) and not (
            {other.lower() for other in names} & set(PARTS)):
        forms.append(("%Y", 1678, 2261))
    if whole and (hinted or name in PARTS):
        forms += [("%Y%m%d", 16780101, 22611231), ("%Y%m", 167801, 226112)]
    for form, least, most in forms:
        if least <= low and high <= most and (stamps := from_digits(values, form)) is not None:
            return Found("time", stamps, (*found.notes, f"whole numbers taken as times ({form})"))
    for unit, least, most in RANGES:
        if hinted and least <= low and high <= most and (whole or unit == "s"):
            return Found("time", since_1970(values, unit), (*found.notes, f"{unit} since 1970 taken as times, in UTC"))
    if ask.kind == "time":
        row = int((~np.isnan(values)).argmax())
        raise InputError(f"{ask.place(row)}: expected a time, got the number {values[row]:.15g}, which could be "
                         f"counted in any unit; say which, as time_format={{{ask.name!r}: 's'}}")
    return None


def _fault(ask: Ask, row: int, texts: np.ndarray, expected: str, example: str) -> InputError:
    like = f" like {example}" if example else ""
    return InputError(f"{ask.place(int(row))}: expected {expected}{like}, got {_cut(texts[row])}; mend it, leave it "
                      f"empty for a missing value, or read the column as text (columns={{{ask.name!r}: 'text'}})")


def _cut(text: str) -> str:
    return repr(text) if len(text) <= SHOWN else f"{text[:SHOWN]!r} ... ({len(text):,} letters)"
