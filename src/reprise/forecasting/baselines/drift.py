"""A straight line through the first and the last value."""
import numpy as np
from jaxtyping import Float64, Int64

from reprise.data.series.panel import Series
from reprise.forecasting.baselines._point_method import PointMethod

__all__ = ["Drift"]


class Drift(PointMethod):
    """The last value, plus for every step ahead the mean step so far; so far is at most the protocol's lookback."""

    def least(self) -> int:
        return 2

    def point(
        self, series: Series, origins: Int64[np.ndarray, " O"], horizon: int
    ) -> Float64[np.ndarray, "O H"]:
        first = np.maximum(origins - self.lookback, 0) if self.lookback else np.zeros_like(origins)
        last = series.values[origins - 1]
        slope = (last - series.values[first]) / np.maximum(origins - 1 - first, 1)
        return last[:, None] + slope[:, None] * np.arange(1, horizon + 1)
