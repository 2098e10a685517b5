"""CycleNet: a cycle of each series, and one small map of what is left of a window."""
from jaxtyping import Float, Integer
from torch import Tensor, nn

from reprise.core.errors import check_counts
from reprise.models.forecast.wrappers.cycle import Cyclic
from reprise.models.forecast.wrappers.instance_norm import Normalised

__all__ = ["CycleNet", "WindowMap"]


class WindowMap(nn.Module):
    """y = W x + b over time, or W relu(U x + a) + b with `hidden` units; the same for every series.

    Shapes   x (B L D) -> y (B H D)
    """

    def __init__(self, lookback: int, horizon: int, hidden: int | None = None):
        super().__init__()
        check_counts("WindowMap", lookback=lookback, horizon=horizon, hidden=hidden)
        self.map = nn.Linear(lookback, horizon) if hidden is None else nn.Sequential(
            nn.Linear(lookback, hidden), nn.ReLU(), nn.Linear(hidden, horizon))

    def forward(self, x: Float[Tensor, "B L D"]) -> Float[Tensor, "B H D"]:
        return self.map(x.mT).mT


class CycleNet(nn.Module):
    """Windows lose their level and scale, then a learned cycle of W steps; what is left is mapped, both given back.

        z = (x - m) / s;   r = f(z - c_{t ... t+L-1}) + c_{t+L ... t+L+H-1};   y = s r + m

    hidden: None for CycleNet/Linear; 512 is the paper's CycleNet/MLP.   normalise: False leaves level and scale.
    Shapes   x (B L D) -> y (B H D), with clock (B,), and series (B D) where D are not all the series
    Source   Lin et al. 2024, arXiv:2409.18479   (lin2024cyclenet); code, ACAT-SCUT/CycleNet
    """

    reads_clock = True

    def __init__(self, lookback: int, horizon: int, channels: int, cycle: int, hidden: int | None = None, *,
                 normalise: bool = True):
        super().__init__()
        cyclic = Cyclic(WindowMap(lookback, horizon, hidden), cycle, channels)
        self.forecaster = Normalised(cyclic) if normalise else cyclic

    def forward(
        self, x: Float[Tensor, "B L D"], clock: Integer[Tensor, "B"], series: Integer[Tensor, "B D"] | None = None,
    ) -> Float[Tensor, "B H D"]:
        return self.forecaster(x, clock, series)
