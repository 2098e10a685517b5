"""Networks from a window of a series to what follows it, by the names `reprise compare` knows them under."""
from collections.abc import Callable

from torch import nn

from reprise.models.forecast.cyclenet import CycleNet
from reprise.models.forecast.dlinear import DLinear
from reprise.models.forecast.linear_forecaster import LinearForecaster
from reprise.models.forecast.nbeats import NBeats

__all__ = ["NETWORKS"]

# name -> what it is, and how it is built of the lookback, the horizon, the number of series and the season
NETWORKS: dict[str, tuple[str, Callable[[int, int, int, int], nn.Module]]] = {
    "cyclenet": ("CycleNet: a cycle of each series, and a linear map of what is left of a window.",
                 lambda lookback, horizon, series, season: CycleNet(lookback, horizon, series, season)),
    "dlinear_trained": ("DLinear: linear maps of a window's moving average and of what remains, by gradients.",
                        lambda lookback, horizon, series, season: DLinear(lookback, horizon)),
    "linear": ("A linear map of a window without its mean, by gradients.",
               lambda lookback, horizon, series, season: LinearForecaster(lookback, horizon)),
    "nbeats": ("N-BEATS: blocks that explain a part of the window each.",
               lambda lookback, horizon, series, season: NBeats(lookback, horizon)),
}
