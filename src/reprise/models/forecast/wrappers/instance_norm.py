"""A window without its own level and scale, and what is forecast of it with them again."""
from typing import NamedTuple

import torch
from jaxtyping import Float, Integer
from torch import Tensor, nn

from reprise.models.forecast.wrappers.clocked import forecast_at, reads_clock

__all__ = ["InstanceNorm", "Normalised", "Scale"]


class Scale(NamedTuple):
    """The mean and the deviation of each window and series."""

    mean: Float[Tensor, "B 1 D"]
    deviation: Float[Tensor, "B 1 D"]


class InstanceNorm(nn.Module):
    """Takes the mean and deviation over time from windows, and gives them back to forecasts.

        z = (x - m) / s;   m = mean of x over time,   s = sqrt(variance + eps)
        y = s y_z + m

    Shapes   x (B L D) -> z (B L D);  forecasts (B H D), or quantiles (B H D Q), both ways
    Source   Kim et al. 2022, "Reversible instance normalization"   (kim2022reversible)
    Differs  no gain and shift a series, as in Lin et al. 2024, arXiv:2409.18479 (lin2024cyclenet): any window of any
             series is normalised alike
    """

    def __init__(self, eps: float = 1e-5):
        super().__init__()
        self.eps = eps

    def forward(self, x: Float[Tensor, "B L D"]) -> tuple[Float[Tensor, "B L D"], Scale]:
        variance, mean = torch.var_mean(x, 1, correction=0, keepdim=True)
        scale = Scale(mean, (variance + self.eps).sqrt())
        return (x - scale.mean) / scale.deviation, scale

    def restore(self, y: Float[Tensor, "B H D ..."], scale: Scale) -> Float[Tensor, "B H D ..."]:
        """The inverse, of a forecast."""
        mean, deviation = ((z[..., None] if y.ndim == 4 else z) for z in scale)
        return y * deviation + mean


class Normalised(nn.Module):
    """Any windowed forecaster, which sees windows without their level and scale.

    Shapes   x (B L D) -> y (B H D), or whatever the forecaster answers; clock and series as it asks for them
    """

    def __init__(self, forecaster: nn.Module, eps: float = 1e-5):
        super().__init__()
        self.forecaster, self.norm = forecaster, InstanceNorm(eps)

    @property
    def reads_clock(self) -> bool:
        return reads_clock(self.forecaster)

    def forward(
        self, x: Float[Tensor, "B L D"], clock: Integer[Tensor, "B"] | None = None,
        series: Integer[Tensor, "B D"] | None = None,
    ) -> Float[Tensor, "B H D ..."]:
        z, scale = self.norm(x)
        return self.norm.restore(forecast_at(self.forecaster, z, clock, series), scale)
