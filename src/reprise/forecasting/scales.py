"""The series a method has learnt from: their numbers, their scales, and the clock they are on."""
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64, Int64

from reprise.core.errors import InputError, suggest
from reprise.data.series.cycle import first_tick
from reprise.data.series.panel import Series, Step
from reprise.data.series.split import Split
from reprise.forecasting.window_batches import Lane, Lanes

__all__ = ["Scales"]


class Scales:
    """By name, the number of each series of a split, and the mean and deviation of its training part.

    standardise: False leaves values as they are, as does a split whose values are standardised already.
    """

    @classmethod
    def restored(cls, names: Sequence[str], means: np.ndarray, deviations: np.ndarray, step: Step | None) -> "Scales":
        """Those that were kept in a file."""
        scales = cls.__new__(cls)
        scales.step, scales.standardise = step, True
        scales.numbers = {name: number for number, name in enumerate(names)}
        scales.means, scales.deviations = means, deviations
        return scales

    def __init__(self, split: Split, standardise: bool = True):
        self.step = split.panel.step
        self.numbers = {series.name: number for number, series in enumerate(split.panel)}
        self.standardise = standardise and not split.scaled
        parts = [series.values[:end] for series, end in zip(split.panel, split.train)]
        self.means = np.array([part.mean() if len(part) else 0.0 for part in parts])
        deviations = np.array([part.std() if len(part) else 0.0 for part in parts])
        self.deviations = np.where(deviations > 1e-12 * np.abs(self.means), deviations, 1.0)  # of a constant: none

    def check(self, series: Sequence[Series], origins: Sequence[Int64[np.ndarray, " _"]], *, known: bool = False,
              together: bool = False) -> None:
        """Raises InputError for origins outside a series, a series without a scale, or, where all must be `known`, any
        that is new; and, `together`, for others than all, in their order, from the same origins.
        """
        if any(len(o) and (o.min() < 1 or o.max() > len(s)) for s, o in zip(series, origins, strict=True)):
            raise InputError("expected origins from 1 to the length of their series; nothing is known at 0")
        if together and any(not np.array_equal(o, origins[0]) for o in origins):
            raise InputError("series that are forecast together have the same origins; ask for one at a time")
        for one in series:
            if (known or self.standardise) and one.name not in self.numbers:
                raise InputError(f"no series named {one.name!r} was learnt from{suggest(one.name, self.numbers)}; one "
                                 "that was not can be forecast by a module that does not ask which it is, scale='none'")
        if together and [one.name for one in series] != list(self.numbers):
            raise InputError(f"series that are forecast together are asked for together, all {len(self.numbers)} in "
                             f"the order they were learnt in, got {len(series)}; give those of the split's panel")

    def lanes(self, series: Sequence[Series], ends: Sequence[int], lookback: int, together: bool = False) -> Lanes:
        """The first so many values of each, scaled, as lanes of their own, or of one lane `together`.

        Raises InputError for series together that are not of one length on one clock.
        """
        lanes = [Lane(self.scaled(one)[:end, None], first_tick(one, self.step), [self.numbers.get(one.name, 0)])
                 for one, end in zip(series, ends, strict=True)]
        if not together:
            return Lanes(lanes, lookback)
        if len({(len(lane.values), lane.tick) for lane in lanes}) != 1:
            raise InputError("series that are read together must begin and end at the same times; read them one by "
                             "one, together=False")
        values = np.concatenate([lane.values for lane in lanes], 1)
        return Lanes([Lane(values, lanes[0].tick, [number for lane in lanes for number in lane.series])], lookback)

    def back(self, name: str, found: Float64[np.ndarray, "..."]) -> Float64[np.ndarray, "..."]:
        """Forecasts of the series of that name, in its own units."""
        if not self.standardise:
            return found
        number = self.numbers[name]
        return found * self.deviations[number] + self.means[number]

    def scaled(self, series: Series) -> Float64[np.ndarray, " T"]:
        if not self.standardise:
            return series.values
        number = self.numbers[series.name]
        return (series.values - self.means[number]) / self.deviations[number]
