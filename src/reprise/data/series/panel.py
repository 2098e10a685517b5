"""Series on one clock: what every forecaster learns from, whatever file it came in."""
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float64

from reprise.core.errors import InputError, suggest

__all__ = ["Panel", "Series", "Step"]

NAMES = {(1, "s"): "by the second", (1, "min"): "by the minute", (15, "min"): "quarter-hourly", (1, "h"): "hourly",
         (1, "D"): "daily", (1, "B"): "every business day", (1, "W"): "weekly", (1, "M"): "monthly",
         (1, "Q"): "quarterly", (1, "Y"): "yearly"}
WORDS = {"min": "minutes", "h": "hours", "D": "days", "B": "business days", "W": "weeks", "M": "months",
         "Q": "quarters", "Y": "years"}
SECONDS = {"s": 1, "min": 60, "h": 3600, "D": 86400, "W": 604800}
SEASONS = {"B": 5, "M": 12, "Q": 4}


class Step(NamedTuple):
    """The distance of a series' points: so many of a unit, "ns", "us", "ms", "s", "min", "h", "D", "B" (business days,
    Monday to Friday), "W", "M", "Q" or "Y".

    The unit "" is of series whose time is a plain number, or that have none; only there may the count be a fraction.
    """

    count: int | float
    unit: str

    def __str__(self) -> str:
        if not self.unit:
            return "numbered" if self.count == 1 else f"numbered in steps of {self.count:g}"
        return NAMES.get(self, f"every {self.count} {WORDS.get(self.unit, self.unit)}")

    @property
    def season(self) -> int:
        """Steps of the season that series with such a step usually have: a day by the hour, a week by the day, a year
        by the week, month or quarter; 1 where there is none.
        """
        if self.unit not in SECONDS:
            wholes, length = (SEASONS.get(self.unit, 1),), self.count
        else:
            wholes, length = (86400, 604800, 364 * 86400), self.count * SECONDS[self.unit]
        return next((int(whole // length) for whole in wholes if whole % length == 0 and whole > length), 1)


@dataclass(frozen=True, eq=False)
class Series:
    """One series: T values, oldest first, none missing; K covariates known F steps further ahead; S that stay.

    times: datetime64[ns], or float64 where time is a number.   seen: False where a value was filled in.
    """

    name: str
    times: np.ndarray
    values: Float64[np.ndarray, " T"]
    seen: Bool[np.ndarray, " T"]
    known: Float64[np.ndarray, "TF K"]
    static: Float64[np.ndarray, " S"]

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True, eq=False)
class Panel:
    """All series of a file. step: None where they are irregular.   season: steps of a season, 1 for none.

    notes: what was found and done on the way, a clause each, in the order of doing: nothing is mended in silence.
    repeated: rows that said again when they are of, dropped or made one.
    official: of a competition's set, how many of the last steps of every series are its test part.
    """

    name: str
    series: tuple[Series, ...]
    step: Step | None
    season: int
    known: tuple[str, ...] = ()
    static: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    repeated: int = 0
    official: int | None = None

    def __len__(self) -> int:
        return len(self.series)

    def __iter__(self) -> Iterator[Series]:
        return iter(self.series)

    def __getitem__(self, name: str) -> Series:
        for series in self.series:
            if series.name == name:
                return series
        raise InputError(f"{self.name} has no series {name!r}{suggest(name, (series.name for series in self.series))}")
