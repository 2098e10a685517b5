"""Times as people write them: one format for a whole column, found from all of its cells."""
import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from jaxtyping import Bool

from reprise.core.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["UNITS", "Times", "from_digits", "read_times", "since_1970"]

UNITS = ("s", "ms", "us", "ns")
ISO, QUARTER = "ISO8601", "quarter"
SAMPLE = 60
IS_ISO = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d(?::\d\d(?::\d\d(?:[.,]\d{1,9})?)?)?)?"
                    r"(?: ?(?:Z|UTC|GMT|[-+]\d\d(?::?\d\d)?))?")
IS_QUARTER = re.compile(r"\d{4}[- ]?Q[1-4]", re.IGNORECASE)
ZONE = re.compile(r"(?:Z|UTC|GMT|:\d\d(?:[.,]\d+)? ?[-+]\d\d(?::?\d\d)?)$")
CLOCK = re.compile(r"(.*\d)(T|, ?| )(\d\d?:\d\d(?::\d\d)?)([.,]\d{1,6})?( ?[AaPp][Mm])?( ?[-+]\d\d:?\d\d)?")
DAYS = tuple(f"{a}{mark}{b}{mark}%{year}" for mark in "/.-" for year in "Yy" for a, b in (("%d", "%m"), ("%m", "%d")))
DATES = (*DAYS, "%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%d %b %Y", "%d-%b-%Y", "%d-%b-%y", "%d %b %y", "%d/%b/%Y",
         "%b %d, %Y", "%b %d %Y", "%d %B %Y", "%d. %B %Y", "%B %d, %Y", "%a %b %d %Y", "%a, %d %b %Y", "%A, %B %d, %Y")
MONTHS = ("%Y-%m", "%Y/%m", "%YM%m", "%m/%Y", "%b %Y", "%B %Y", "%b-%Y", "%b-%y", "%Y-%b", "%Y %b",
          "%d/%b/%Y:%H:%M:%S %z")


class Times(NamedTuple):
    """values: datetime64[ns], in UTC if the cells have a zone; NaT where a cell is no such time.   bad: those cells."""

    values: np.ndarray
    bad: Bool[np.ndarray, " R"]
    notes: tuple[str, ...] = ()


def read_times(cells: np.ndarray, time_format: str | None, place: Callable[[int], str]) -> Times | None:
    """Times from cells, str without surrounding blanks, none missing; None where they do not look like times.

    time_format: as of strptime, else the one format that reads the most cells. Raises InputError, with both places, for
    two formats in one column, and for times with and without a zone.
    """
    if time_format is not None:
        values = _parse(cells, time_format)
        return Times(values, np.isnat(values))
    sample = cells[np.unique(np.linspace(0, len(cells) - 1, SAMPLE).astype(int))]
    counts = Counter(form for cell in sample for form in _formats(cell))
    if not counts or max(counts.values()) < 0.4 * len(sample):
        return None
    most = max(counts.values())
    found = {form: _parse(cells, form) for form in counts if counts[form] >= 0.9 * most}
    left = {form: int(np.isnat(values).sum()) for form, values in found.items()}
    best = [form for form in found if left[form] == min(left.values())]
    form, notes = _chosen(best, found, cells)
    values = found[form]
    bad = np.isnat(values)
    _refuse_two_formats(cells, bad, form, place)
    if form == ISO or "%z" in form:
        notes += _zone(cells, place)
    return Times(values, bad, tuple(notes))


def since_1970(values: np.ndarray, unit: str) -> np.ndarray:
    """datetime64[ns] from counts since 1970; NaN becomes NaT, and so does what is past the year 2262."""
    import pandas as pd

    return pd.to_datetime(pd.Series(values), unit=unit, errors="coerce").to_numpy("datetime64[ns]")


def from_digits(values: np.ndarray, form: str) -> np.ndarray | None:
    """datetime64[ns] from whole numbers such as 20201231; None where one of them is no such time."""
    import pandas as pd

    digits = pd.Series(values).astype("Int64").astype("string")
    stamps = pd.to_datetime(digits, format=form, errors="coerce").to_numpy("datetime64[ns]")
    return stamps if (np.isnat(stamps) == np.isnan(values)).all() else None


@lru_cache(4096)
def _formats(cell: str) -> tuple[str, ...]:
    """Every format that reads the cell."""
    if len(cell) > 40 or not any(letter.isdigit() for letter in cell):
        return ()
    if IS_ISO.fullmatch(cell):
        return (ISO,)
    if IS_QUARTER.fullmatch(cell):
        return (QUARTER,)
    return tuple(_dated(cell)) + tuple(form for form in MONTHS if _fits(cell, form))


def _dated(cell: str) -> Iterator[str]:
    clock = CLOCK.fullmatch(cell)
    if clock is None:
        yield from (form for form in DATES if _fits(cell, form))
        return
    date, between, time, part, half, zone = clock.groups()
    suffix = between + ("%I" if half else "%H") + ":%M" + ":%S" * (time.count(":") > 1)
    suffix += f"{part[0]}%f" if part else ""
    suffix += (" " * half.startswith(" ") + "%p" if half else "") + (" " * zone.startswith(" ") + "%z" if zone else "")
    yield from (form + suffix for form in DATES if _fits(date, form) and _fits(cell, form + suffix))


def _fits(cell: str, form: str) -> bool:
    try:
        datetime.strptime(cell, form)
    except ValueError:
        return False
    return True


def _parse(cells: np.ndarray, form: str) -> np.ndarray:
    """All cells in one format, NaT where they are not in it."""
    import pandas as pd

    column = pd.Series(cells, dtype=object)
    if form == QUARTER:
        fits = column.str.fullmatch(IS_QUARTER.pattern, case=False)
        stamps = pd.Series(pd.NaT, column.index, "datetime64[ns]")
        stamps[fits] = pd.PeriodIndex(column[fits].str.replace(r"[- ]", "", regex=True), freq="Q").to_timestamp()
        return stamps.to_numpy("datetime64[ns]")
    if form == ISO:
        return _parse_iso(column)
    found = pd.to_datetime(column, format=form, errors="coerce", utc="%z" in form)
    return found.dt.tz_localize(None).to_numpy("datetime64[ns]") if "%z" in form else found.to_numpy("datetime64[ns]")


def _parse_iso(column: "pd.Series") -> np.ndarray:
    import pandas as pd

    letters = "".join(column)
    if "," in letters:
        column = column.str.replace(",", ".")
    if "UTC" in letters or "GMT" in letters:
        column = column.str.replace(r" ?(?:UTC|GMT)$", "Z", regex=True)
    stamps = pd.to_datetime(column, format=ISO, errors="coerce", utc=True).dt.tz_localize(None)
    long = np.fromiter(map(len, column), int, len(column)) >= len("2020-01-01")  # "2020" alone is no day
    return stamps.where(long).to_numpy("datetime64[ns]")


def _chosen(best: list[str], found: dict[str, np.ndarray], cells: np.ndarray) -> tuple[str, list[str]]:
    """One of the formats that read equally many cells; the evidence is the order of the times and their steps."""
    day, month = best[0], next((form for form in best[1:] if not np.array_equal(
        found[form], found[best[0]], equal_nan=True)), None)
    if month is None:
        first = {"%d": "day first", "%m": "month first"}.get(day[:2]) if day[3:5] in ("%d", "%m") else None
        return day, [f"dates read {first} ({cells[0]!r})"] if first else []
    taken = min((day, month), key=lambda form: _disorder(found[form]))
    other = month if taken == day else day
    said = "day first" if taken.startswith("%d") else "month first" if taken.startswith("%m") else taken
    at = int((found[day] != found[month]).argmax())
    return taken, [f"dates could be read in two ways: taken {said} ({cells[at]!r} as {str(found[taken][at])[:10]}), "
                   f"which "
                   f"{'puts them in order' if _disorder(found[taken]) < _disorder(found[other]) else 'is as likely'}; "
                   f"else say time_format={other!r}"]


def _disorder(values: np.ndarray) -> tuple[int, bool]:
    """How often time steps back, and whether its steps differ."""
    steps = np.diff(values[~np.isnat(values)])
    return int((steps < np.timedelta64(0)).sum()), len(np.unique(steps)) > 1


def _refuse_two_formats(cells: np.ndarray, bad: np.ndarray, form: str, place: Callable[[int], str]) -> None:
    """A cell in another format; one in the same, of no real day (2020-13-01), is left to be told as no time."""
    looked = np.flatnonzero(bad)[:SAMPLE]
    other = next((at for at in looked if (forms := _formats(cells[at])) and form not in forms), None)
    if other is not None:
        good = int((~bad).argmax())
        raise InputError(f"{place(other)}: {cells[other]!r} is not in the format of {cells[good]!r} ({place(good)}); "
                         "write all times of the column in one format, best as 2020-12-31 23:59:59")


def _zone(cells: np.ndarray, place: Callable[[int], str]) -> list[str]:
    letters = "".join(cells)
    if letters.count("-") == 2 * len(cells) and not any(mark in letters for mark in ("Z", "+", "UTC", "GMT")):
        return []
    zoned = np.array([ZONE.search(cell) is not None for cell in cells], bool)
    if not zoned.any():
        return []
    if not zoned.all():
        bare, with_zone = int((~zoned).argmax()), int(zoned.argmax())
        raise InputError(f"{place(bare)}: {cells[bare]!r} has no time zone, {cells[with_zone]!r} "
                         f"({place(with_zone)}) has one; give all times of the column one, or none")
    return ["times turned to UTC"]
