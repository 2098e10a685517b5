"""Quantiles from a forecaster that says a number a step."""
from jaxtyping import Float, Integer
from torch import Tensor, nn

from reprise.core.errors import InputError, check_counts
from reprise.models.forecast.wrappers.clocked import forecast_at, reads_clock

__all__ = ["Quantiles"]


class Quantiles(nn.Module):
    """Any windowed forecaster of H Q steps ahead is one of Q quantiles H steps ahead; step h is h Q ... h Q + Q - 1.

    What is added to forecasts by their time, as a cycle, belongs around this, not inside.
    Shapes   x (B L D) -> (B H D Q)
    """

    def __init__(self, forecaster: nn.Module, quantiles: int):
        super().__init__()
        check_counts("Quantiles", quantiles=quantiles)
        self.forecaster, self.quantiles = forecaster, quantiles

    @property
    def reads_clock(self) -> bool:
        return reads_clock(self.forecaster)

    def forward(
        self, x: Float[Tensor, "B L D"], clock: Integer[Tensor, "B"] | None = None,
        series: Integer[Tensor, "B D"] | None = None,
    ) -> Float[Tensor, "B H D Q"]:
        y = forecast_at(self.forecaster, x, clock, series)
        if y.shape[1] % self.quantiles:
            raise InputError(f"Quantiles: expected a forecaster of a multiple of {self.quantiles} steps ahead, got "
                             f"{y.shape[1]}; build it for the horizon times {self.quantiles}")
        return y.unflatten(1, (-1, self.quantiles)).transpose(2, 3)
