"""The last season, again and again: the same hour yesterday, the same month last year."""
import numpy as np
from jaxtyping import Float64, Int64

from reprise.core.errors import check_counts
from reprise.data.series.panel import Series
from reprise.data.series.split import Split
from reprise.forecasting.baselines._point_method import PointMethod
from reprise.forecasting.baselines._windows import windows_before
from reprise.forecasting.skipped import Skipped

__all__ = ["SeasonalNaive"]


class SeasonalNaive(PointMethod):
    """The season before the origin, repeated; where a series has less behind it, its first value stands in.

    season: steps of it; the panel's unless given. Without a season (1) it is repeating the last value.
    Raises Skipped where the protocol lets it look back on less than a season.
    """

    def __init__(self, season: int | None = None):
        check_counts("SeasonalNaive", season=season)
        self.season = season

    def learn(self, split: Split) -> None:
        self._season = self.season or split.panel.season
        if split.lookback is not None and split.lookback < self._season:
            raise Skipped(f"a season is {self._season} steps, and the protocol lets a forecast look at "
                          f"{split.lookback}")

    def least(self) -> int:
        return self._season

    def point(
        self, series: Series, origins: Int64[np.ndarray, " O"], horizon: int
    ) -> Float64[np.ndarray, "O H"]:
        return windows_before(series.values, origins, self._season)[:, np.arange(horizon) % self._season]
