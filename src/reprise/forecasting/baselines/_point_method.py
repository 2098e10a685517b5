"""A method that forecasts points gets quantiles from its own errors on the training part."""
from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64, Int64

from reprise.core.errors import InputError
from reprise.data.series.panel import Series
from reprise.data.series.scores import LEVELS
from reprise.data.series.split import Split
from reprise.forecasting.method import Forecast

__all__ = ["PointMethod"]


class PointMethod(ABC):
    """Forecasts points; a quantile is the point plus that quantile of the series' training errors, so far ahead.

    An author writes `point`, and `learn` where something is learned. `equivariant`: which of "shift" and "scale" of a
    series, its training part with it, the forecasts follow; a law holds it to that. `errors_from`: at most so many
    origins in the training part, evenly picked.
    """

    equivariant: tuple[str, ...] = ("shift", "scale")
    errors_from = 1000
    lookback: int | None = None

    def fit(self, split: Split) -> PointMethod:
        self.lookback = split.lookback
        self.learn(split)
        self._errors = {series.name: self._quantiles(series, int(train), split.horizon)
                        for series, train in zip(split.panel, split.train, strict=True)}
        return self

    def learn(self, split: Split) -> None:
        """What the method takes from a split; nothing unless an author writes it. `self.lookback` is set before."""
        return

    @abstractmethod
    def point(
        self, series: Series, origins: Int64[np.ndarray, " O"], horizon: int
    ) -> Float64[np.ndarray, "O H"]:
        """Forecasts of one series from its origins, each 1 or more."""

    def rehearse(
        self, series: Series, origins: Int64[np.ndarray, " O"], horizon: int
    ) -> Float64[np.ndarray, "O H"]:
        """Forecasts within the training part, that errors are taken from: as `point`, unless that learned too much."""
        return self.point(series, origins, horizon)

    def least(self) -> int:
        """Fewest steps before an origin that a forecast needs to be what it is later on; errors are taken from there.
        """
        return 1

    def forecast(
        self, series: Sequence[Series], origins: Sequence[Int64[np.ndarray, " _"]], horizon: int
    ) -> list[Forecast]:
        found = []
        for one, places in zip(series, origins, strict=True):
            point = self.point(one, places, horizon)
            errors = self._errors_of(one, horizon)
            found.append(Forecast(point, point[..., None] + errors, LEVELS))
        return found

    def _errors_of(self, series: Series, horizon: int) -> Float64[np.ndarray, "H Q"]:
        if series.name not in self._errors:
            raise InputError(f"{type(self).__name__}: expected a series it was fitted to, got {series.name!r}; fit it "
                             "to a split that has the series")
        errors = self._errors[series.name]
        return errors[np.minimum(np.arange(horizon), len(errors) - 1)]

    def _quantiles(self, series: Series, train: int, horizon: int) -> Float64[np.ndarray, "H Q"]:
        """Of errors so far ahead; where the training part is too short for any, those of fewer steps ahead."""
        found = np.zeros((horizon, len(LEVELS)))
        origins = np.arange(self.least(), train)
        if not len(origins):
            return found
        origins = origins[np.unique(np.linspace(0, len(origins) - 1, self.errors_from).astype(np.int64))]
        places = origins[:, None] + np.arange(horizon)
        errors = series.values[np.minimum(places, train - 1)] - self.rehearse(series, origins, horizon)
        for h, known in enumerate((places < train).sum(0)):
            found[h] = np.quantile(errors[:known, h], LEVELS) if known else found[h - 1]
        return found
