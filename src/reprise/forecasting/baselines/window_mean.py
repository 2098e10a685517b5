"""The mean of the last values: a level that follows slowly."""
import numpy as np
from jaxtyping import Float64, Int64

from reprise.core.errors import check_counts
from reprise.data.series.panel import Series
from reprise.data.series.split import Split
from reprise.forecasting.baselines._point_method import PointMethod
from reprise.forecasting.baselines._windows import windows_before

__all__ = ["WindowMean"]

WITHOUT_SEASON = 10


class WindowMean(PointMethod):
    """The mean of the window before the origin, for every step.

    window: steps of it; a season unless given, 10 where there is none, and at most the protocol's lookback.
    """

    def __init__(self, window: int | None = None):
        check_counts("WindowMean", window=window)
        self.window = window

    def learn(self, split: Split) -> None:
        season = split.panel.season
        wanted = self.window or (season if season > 1 else WITHOUT_SEASON)
        self._window = min(wanted, split.lookback or wanted)

    def least(self) -> int:
        return self._window

    def point(
        self, series: Series, origins: Int64[np.ndarray, " O"], horizon: int
    ) -> Float64[np.ndarray, "O H"]:
        mean = windows_before(series.values, origins, self._window).mean(1)
        return np.repeat(mean[:, None], horizon, axis=1)
