"""What the user says of a table, checked: which column is what, and what becomes of holes and repeats."""
import re
from collections.abc import Sequence
from dataclasses import dataclass

from reprise.core.errors import InputError, check_counts, suggest
from reprise.data.series.panel import Step

__all__ = ["DUPLICATES", "FILLS", "Choices", "listed", "parse_step"]

FILLS = ("forward", "linear", "zero", "error")
DUPLICATES = ("error", "first", "last", "mean", "sum")
UNITS = {
    "ns": ("nanosecond",), "us": ("microsecond",), "ms": ("millisecond",), "s": ("sec", "second"),
    "min": ("minute", "minutely"), "h": ("hour", "hourly"), "D": ("day", "daily"),
    "B": ("businessday", "business day", "bday"), "W": ("week", "weekly"), "M": ("month", "monthly", "ME"),
    "Q": ("quarter", "quarterly", "QS", "QE"), "Y": ("year", "yearly", "annual", "A", "YS", "YE"),
}
SPELT = {spelling.lower(): unit for unit, words in UNITS.items() for word in (unit, *words)
         for spelling in (word, word + "s" * (len(word) > 2))}


@dataclass(frozen=True)
class Choices:
    """Empty and None: to be found out. start, end: the first and the last time to keep, as text."""

    id: tuple[str, ...] = ()
    time: str | None = None
    target: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    static: tuple[str, ...] = ()
    step: Step | None = None
    season: int | None = None
    fill: str = "forward"
    duplicates: str = "error"
    start: str | None = None
    end: str | None = None

    def __post_init__(self) -> None:
        for option, value, allowed in (("fill", self.fill, FILLS), ("duplicates", self.duplicates, DUPLICATES)):
            if value not in allowed:
                raise InputError(f"{option}: expected {', '.join(allowed[:-1])} or {allowed[-1]}, got {value!r}"
                                 f"{suggest(value, allowed)}")
        check_counts("open_series", season=self.season)
        named = [*self.id, *([self.time] if self.time else []), *self.target, *self.known, *self.static]
        twice = next((name for name in named if named.count(name) > 1), None)
        if twice is not None:
            raise InputError(f"column {twice!r} is given more than one part to play; name it once in "
                             "id, time, target, known and static")


def listed(names: str | Sequence[str] | None) -> tuple[str, ...]:
    """One name, several, or none, as a tuple."""
    return () if names is None else (names,) if isinstance(names, str) else tuple(names)


def parse_step(step: Step | str | float | None) -> Step | None:
    """"h", "15min", "month", "2 weeks"; a number, for times that are plain numbers.

    Raises InputError for anything else, and for a lone "m", which some read as minute and some as month.
    """
    if step is None or isinstance(step, Step):
        return step
    text = str(step).strip()
    match = re.fullmatch(r"(\d*\.?\d*)\s*([A-Za-z ]*)", text)
    count, word = (match[1], match[2].strip()) if match else ("", "")
    unit = "M" if word in ("M", "MS") else SPELT.get(word.lower()) if word != "m" else None  # ms is of a second
    number = float(count) if count.strip(".") else 1.0
    if match and text and not word and number > 0:
        return Step(int(number) if number.is_integer() else number, "")
    if unit is None or number < 1 or not number.is_integer():
        raise InputError(f"step: expected a whole number and a unit, such as 15min, h, D, B (business days), W, M, Q "
                         f"or Y, got {text!r}; for minutes write min, for months M")
    return Step(int(number), unit)
