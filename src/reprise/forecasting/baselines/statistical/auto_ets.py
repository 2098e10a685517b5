"""Exponential smoothing, its form chosen for each series."""
from typing import Any

from reprise.forecasting.baselines.statistical._library import LibraryMethod

__all__ = ["AutoETS"]

SEASON = 24  # steps that a seasonal model of this kind can be fitted to


class AutoETS(LibraryMethod):
    """Error, trend and season additive, multiplicative or absent, by the corrected Akaike criterion; a season of more
    than 24 steps is left out. See `LibraryMethod`.

    Source  Hyndman & Khandakar 2008, doi:10.18637/jss.v027.i03
    """

    def build(self, models: Any, season: int) -> Any:
        return models.AutoETS(season_length=season if season <= SEASON else 1)
