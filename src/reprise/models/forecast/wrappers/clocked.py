"""Windowed forecasters that ask what time it is, and of which series a window is, beside those that do not.

Any windowed module maps windows (B L D) to forecasts (B H D). One that sets `reads_clock = True` is also given `clock`
(B,), the steps since a clock's zero at the first value of each window, and `series` (B D), which series each column is.
"""
from jaxtyping import Float, Integer
from torch import Tensor, nn

__all__ = ["forecast_at", "reads_clock"]


def reads_clock(module: nn.Module) -> bool:
    """Whether a windowed module asks for the time."""
    return bool(getattr(module, "reads_clock", False))


def forecast_at(
    module: nn.Module, x: Float[Tensor, "B L D"], clock: Integer[Tensor, "B"] | None = None,
    series: Integer[Tensor, "B D"] | None = None,
) -> Float[Tensor, "B H D ..."]:
    """What it forecasts from the windows; the time is told where it is asked for."""
    return module(x, clock, series) if reads_clock(module) else module(x)
