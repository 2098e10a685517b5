"""Level, damped trend and season, each following slowly."""
from typing import Any

from reprise.forecasting.baselines.statistical._library import LibraryMethod

__all__ = ["ExponentialSmoothing"]

SEASON = 24  # steps that a seasonal model of this kind can be fitted to


class ExponentialSmoothing(LibraryMethod):
    """Holt and Winters' smoothing with an additive, damped trend and, where there is a season of at most 24 steps, an
    additive season; parameters by maximum likelihood. See `LibraryMethod`.

    Source  Hyndman et al. 2008, doi:10.1007/978-3-540-71918-2
    """

    def build(self, models: Any, season: int) -> Any:
        seasonal = 1 < season <= SEASON
        return models.AutoETS(season_length=season if seasonal else 1, model="AAA" if seasonal else "AAN", damped=True)
