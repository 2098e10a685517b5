"""Sums of errors over origins: small, addable, and all that scores are made of."""
from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float64

from reprise.data.series.scores import (
    absolute_error,
    central_levels,
    quantile_loss,
    squared_error,
    symmetric_error,
)
from reprise.forecasting.method import Forecast

__all__ = ["Tally", "count_up"]

CACHED = 2**17  # numbers that are counted at once: more do not fit a cache, and take three times as long


class Tally(NamedTuple):
    """Sums over the origins of a series, by step ahead; stacked, of N series. Q is 0 where there are no quantiles."""

    count: Float64[np.ndarray, "*N H"]
    absolute: Float64[np.ndarray, "*N H"]
    squared: Float64[np.ndarray, "*N H"]
    symmetric: Float64[np.ndarray, "*N H"]
    size: Float64[np.ndarray, "*N H"]  # |y|
    loss: Float64[np.ndarray, "*N H Q"]
    below: Float64[np.ndarray, "*N H Q"]  # the quantile, or at it
    inside: Float64[np.ndarray, "*N H P"]  # each central interval

    def __add__(self, other: Tally) -> Tally:
        return Tally(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))

    @classmethod
    def stack(cls, rows: Sequence[Tally]) -> Tally:
        """One for all series."""
        return cls(*map(np.stack, zip(*rows, strict=True)))

    def over_horizon(self) -> Tally:
        """The same with H = 1: all steps together."""
        return Tally(*(sums.sum(1, keepdims=True) for sums in self))

    def scores(self, scale: Float64[np.ndarray, " N"]) -> dict[str, Float64[np.ndarray, "N H"]]:
        """Of each series and step. scale: what MASE divides by; NaN where that is 0 or nothing was counted."""
        found = {"MAE": _over(self.absolute, self.count), "MSE": _over(self.squared, self.count)}
        found |= {"RMSE": np.sqrt(found["MSE"]), "MASE": _over(found["MAE"], scale[:, None]),
                  "sMAPE": _over(self.symmetric, self.count), "ND": _over(self.absolute, self.size)}
        if Q := self.loss.shape[-1]:
            loss = self.loss.sum(-1) / Q
            found |= {"WQL": _over(loss, self.size), "CRPS": _over(loss, self.count)}
        return found

    def means(self, scale: Float64[np.ndarray, " N"]) -> dict[str, Float64[np.ndarray, " H"]]:
        """Over series, those without a score left out; ND and WQL from sums over series, RMSE from the mean MSE."""
        found = {name: _mean(value) for name, value in self.scores(scale).items()}
        found["RMSE"] = np.sqrt(found["MSE"])
        found["ND"] = _over(self.absolute.sum(0), self.size.sum(0))
        if Q := self.loss.shape[-1]:
            found["WQL"] = _over(self.loss.sum((0, -1)) / Q, self.size.sum(0))
        return found

    def calibration(self) -> tuple[Float64[np.ndarray, " Q"], Float64[np.ndarray, " P"]]:
        """The parts of all values at or below each quantile, and in each central interval."""
        return self.below.sum((0, 1)) / self.count.sum(), self.inside.sum((0, 1)) / self.count.sum()


def count_up(y: Float64[np.ndarray, "O H"], seen: Bool[np.ndarray, "O H"], forecast: Forecast) -> Tally:
    """The sums over the origins of one series; what was not seen does not count."""
    levels = forecast.levels if forecast.quantiles is not None else ()
    quantiles = forecast.quantiles if levels else np.zeros((*y.shape, 0))
    size = max(CACHED // (y.shape[1] * (1 + len(levels))), 1)
    pieces = [slice(first, first + size) for first in range(0, len(y), size)]
    counted = [_count(y[o], seen[o], forecast.point[o], quantiles[o], levels) for o in pieces]
    return reduce(Tally.__add__, counted)


def _count(
    y: Float64[np.ndarray, "O H"], seen: Bool[np.ndarray, "O H"], point: Float64[np.ndarray, "O H"],
    quantiles: Float64[np.ndarray, "O H Q"], levels: tuple[float, ...],
) -> Tally:
    ends = np.array(list(central_levels(levels).values()), np.int64).reshape(-1, 2)
    truth, kept = y[..., None], seen[..., None]
    inside = (quantiles[..., ends[:, 0]] <= truth) & (truth <= quantiles[..., ends[:, 1]])
    whole = seen.all()  # as it mostly is
    return Tally(*((sums if whole else np.where(mask, sums, 0)).sum(0).astype(np.float64) for mask, sums in (
        (seen, seen), (seen, absolute_error(y, point)), (seen, squared_error(y, point)),
        (seen, symmetric_error(y, point)), (seen, np.abs(y)), (kept, quantile_loss(y, quantiles, levels)),
        (kept, truth <= quantiles), (kept, inside))))


def _over(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """NaN where the whole is 0 or NaN."""
    whole = np.broadcast_to(whole, part.shape)
    return np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)


def _mean(values: Float64[np.ndarray, "N H"]) -> Float64[np.ndarray, " H"]:
    known = np.isfinite(values)
    return _over(np.where(known, values, 0).sum(0), known.sum(0))
