"""Two lines of theta, the best of four forms for each series."""
from typing import Any

from reprise.forecasting.baselines.statistical._library import LibraryMethod

__all__ = ["AutoTheta"]


class AutoTheta(LibraryMethod):
    """The standard, optimised and dynamic theta models, by squared error; seasonally adjusted where a season shows.
    See `LibraryMethod`.

    Source  Fiorucci et al. 2016, doi:10.1016/j.ijforecast.2016.02.005
    """

    def build(self, models: Any, season: int) -> Any:
        return models.AutoTheta(season_length=season)
