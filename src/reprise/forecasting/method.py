"""The protocol of everything that forecasts series: learn from a split, forecast from any origin of any series."""
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from jaxtyping import Float64, Int64

from reprise.data.series.panel import Series
from reprise.data.series.split import Split

__all__ = ["Forecast", "Method"]


class Forecast(NamedTuple):
    """Forecasts of one series from O origins, H steps ahead: point forecasts and, where there are any, quantiles."""

    point: Float64[np.ndarray, "O H"]
    quantiles: Float64[np.ndarray, "O H Q"] | None = None
    levels: tuple[float, ...] = ()  # of the quantiles, rising


class Method(Protocol):
    """A way to forecast. Law: a forecast from origin o depends on the first o values alone (and on covariates).

    One with an attribute `together` that is True reads all series jointly: it is asked for all of them, in the order it
    has learnt them in, from the same origins.
    """

    def fit(self, split: Split) -> "Method":
        """Learns from the training part, and may choose by the validation part; returns itself."""

    def forecast(
        self, series: Sequence[Series], origins: Sequence[Int64[np.ndarray, " _"]], horizon: int,
    ) -> list[Forecast]:
        """One forecast a series: from its origin o, values o ... o + horizon - 1, in the series' own units."""
