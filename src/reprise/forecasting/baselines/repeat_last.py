"""The last value, again and again: best for a random walk."""
import numpy as np
from jaxtyping import Float64, Int64

from reprise.data.series.panel import Series
from reprise.forecasting.baselines._point_method import PointMethod

__all__ = ["RepeatLast"]


class RepeatLast(PointMethod):
    """The value before the origin, for every step ("naive")."""

    def point(
        self, series: Series, origins: Int64[np.ndarray, " O"], horizon: int
    ) -> Float64[np.ndarray, "O H"]:
        return np.repeat(series.values[origins - 1][:, None], horizon, axis=1)
