"""Series on one clock: what every forecaster learns from, whatever file it came in."""
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float64

__all__ = ["Panel", "Series", "Step"]

NAMES = {(1, "s"): "by the second", (1, "min"): "by the minute", (15, "min"): "quarter-hourly", (1, "h"): "hourly",
         (1, "D"): "daily", (1, "W"): "weekly", (1, "M"): "monthly", (1, "Q"): "quarterly", (1, "Y"): "yearly"}
SECONDS = {"s": 1, "min": 60, "h": 3600, "D": 86400, "W": 604800}
SEASONS = {"M": 12, "Q": 4, "Y": 1, "": 1}


class Step(NamedTuple):
    """The distance of a series' points: so many of a unit, "s", "min", "h", "D", "W", "M", "Q" or "Y".

    The unit "" is of series whose time is a plain number, or that have none.
    """

    count: int
    unit: str

    def __str__(self) -> str:
        if not self.unit:
            return "numbered"
        return NAMES.get(self, f"every {self.count} {self.unit}")

    @property
    def season(self) -> int:
        """Steps of the season that series with such a step usually have: a day by the hour, a week by the day, a year
        by the week, month or quarter; 1 where there is none.
        """
        if self.unit not in SECONDS:
            return max(SEASONS[self.unit] // self.count, 1)
        seconds = self.count * SECONDS[self.unit]
        for whole in (86400, 604800, 364 * 86400):
            if whole // seconds > 1:
                return whole // seconds
        return 1


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

    notes: what was found and done on the way, a sentence each, in the order of doing: nothing is mended in silence.
    """

    name: str
    series: tuple[Series, ...]
    step: Step | None
    season: int
    known: tuple[str, ...] = ()
    static: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.series)

    def __iter__(self) -> Iterator[Series]:
        return iter(self.series)

    def __getitem__(self, name: str) -> Series:
        return next(series for series in self.series if series.name == name)
