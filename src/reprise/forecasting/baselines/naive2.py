"""The last value, seasonally adjusted where there is a season: what M4 measures everything against."""
import numpy as np
from jaxtyping import Float64, Int64

from reprise.data.series.panel import Series
from reprise.data.series.split import Split
from reprise.forecasting.baselines._point_method import PointMethod

__all__ = ["Naive2"]

CRITICAL = 1.645  # of the normal distribution, 90 per cent, as in the competition


class Naive2(PointMethod):
    """Repeats the last value of the series without its season, and puts the season back.

    The season is by classical multiplicative decomposition, where the autocorrelation at its lag is significant, there
    are three seasons or more and every value is above 0; else this is repeating the last value.
    Source  Makridakis et al. 2020, doi:10.1016/j.ijforecast.2019.04.014, and the competition's published code
    """

    equivariant = ("scale",)
    errors_from = 100  # each is a decomposition of all that came before it

    def learn(self, split: Split) -> None:
        self._season = split.panel.season

    def least(self) -> int:
        return 3 * self._season

    def point(
        self, series: Series, origins: Int64[np.ndarray, " O"], horizon: int
    ) -> Float64[np.ndarray, "O H"]:
        found = np.empty((len(origins), horizon))
        for row, origin in zip(found, origins, strict=True):  # each has its own decomposition
            past = series.values[max(origin - self.lookback, 0) if self.lookback else 0 : origin]
            index = _season_of(past, self._season)
            ahead = index[(len(past) + np.arange(horizon)) % len(index)]
            row[:] = past[-1] / index[(len(past) - 1) % len(index)] * ahead
        return found


def _season_of(past: Float64[np.ndarray, " T"], season: int) -> Float64[np.ndarray, " S"]:
    """The factor of each place in the season, counted from the first value."""
    if season == 1 or len(past) < 3 * season or past.min() <= 0 or not _is_seasonal(past, season):
        return np.ones(1)
    kernel = np.ones(season) / season
    if season % 2 == 0:
        kernel = np.convolve(kernel, [0.5, 0.5])
    margin = len(kernel) // 2
    ratio = past[margin : len(past) - margin] / np.convolve(past, kernel, "valid")
    place = (np.arange(len(ratio)) + margin) % season
    index = np.bincount(place, ratio, season) / np.bincount(place, minlength=season)
    return index / index.mean()


def _is_seasonal(past: Float64[np.ndarray, " T"], season: int) -> bool:
    centred = past - past.mean()
    if not (power := centred @ centred):
        return False
    lags = np.array([centred[k:] @ centred[:-k] for k in range(1, season + 1)]) / power
    bound = CRITICAL * np.sqrt((1 + 2 * (lags[:-1] ** 2).sum()) / len(past))
    return bool(abs(lags[-1]) > bound)
