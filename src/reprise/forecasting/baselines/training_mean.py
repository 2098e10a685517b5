"""The mean of what was seen in training: what no skill at all looks like."""
import numpy as np
from jaxtyping import Float64, Int64

from reprise.data.series.panel import Series
from reprise.data.series.split import Split
from reprise.forecasting.baselines._point_method import PointMethod

__all__ = ["TrainingMean"]


class TrainingMean(PointMethod):
    """Each series' mean over its training part, from every origin and for every step; of a series with none, 0."""

    def learn(self, split: Split) -> None:
        self._means = {s.name: s.values[:train].mean() if train else 0.0
                       for s, train in zip(split.panel, split.train, strict=True)}

    def point(
        self, series: Series, origins: Int64[np.ndarray, " O"], horizon: int
    ) -> Float64[np.ndarray, "O H"]:
        return np.full((len(origins), horizon), self._means[series.name])
