"""Autoregression and moving averages of differences, their orders chosen for each series."""
from typing import Any

from reprise.forecasting.baselines.statistical._library import LibraryMethod

__all__ = ["AutoARIMA"]

SEASON = 24  # steps: a longer season makes the state too large


class AutoARIMA(LibraryMethod):
    """Orders by a stepwise search of the corrected Akaike criterion, judged by conditional sums of squares; a season of
    more than 24 steps is left out. See `LibraryMethod`.

    Source  Hyndman & Khandakar 2008, doi:10.18637/jss.v027.i03
    """

    def build(self, models: Any, season: int) -> Any:
        return models.AutoARIMA(season_length=season if season <= SEASON else 1, approximation=True, max_p=3, max_q=3,
                                nmodels=30)
