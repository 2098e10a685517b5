"""Errors of forecasts relative to how large the series are: objectives under which large series do not outweigh.

They are of models that take windows `batch.x` (B L D) to what follows, `batch.y` (B H D); `batch.lengths`, where there
are any, say how many values at the end of each window are real. A number whose scale is zero is not counted.
"""
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from reprise.core.errors import InputError, check_counts
from reprise.training.objectives import Objective, Scored

__all__ = ["mape", "mase", "smape", "symmetric_error"]


def smape(model: nn.Module, batch: Any, state: Any = None) -> Scored:
    """|y - f| over the mean of |y| and |f|; no gradient flows through the scale, which would reward large forecasts."""
    return symmetric_error(_forecast(model, batch), batch.y)


def symmetric_error(forecast: Float[Tensor, "*S"], y: Float[Tensor, "*S"]) -> Scored:
    """What `smape` makes of a forecast that is already there."""
    return _scored(forecast - y, (forecast.detach().abs() + y.abs()) / 2)


def mape(model: nn.Module, batch: Any, state: Any = None) -> Scored:
    """|y - f| over |y|."""
    return _scored(_forecast(model, batch) - batch.y, batch.y.abs())


def mase(season: int = 1) -> Objective:
    """|y - f| over the mean of |x_t - x_{t - season}| in the window.

    Source   Hyndman & Koehler 2006, doi:10.1016/j.ijforecast.2006.03.001   (hyndman2006another)
    """
    check_counts("mase", season=season)

    def objective(model: nn.Module, batch: Any, state: Any = None) -> Scored:
        x, lengths = batch.x, getattr(batch, "lengths", None)
        steps = (x[:, season:] - x[:, :-season]).abs()
        if not steps.shape[1]:
            raise InputError(f"mase: expected windows of more than a season of {season} steps, got {x.shape[1]}")
        if lengths is None:
            scale = steps.mean(1, keepdim=True)
        else:  # of a padded window, only steps between real values
            real = torch.arange(steps.shape[1], 0, -1, device=x.device) <= (lengths - season)[:, None]
            count = real.sum(1).clamp(min=1)[:, None, None]
            scale = steps.where(real[..., None], 0).sum(1, keepdim=True) / count
        return _scored(_forecast(model, batch) - batch.y, scale.expand_as(batch.y))

    return objective


def _forecast(model: nn.Module, batch: Any) -> Tensor:
    lengths = getattr(batch, "lengths", None)
    forecast = model(batch.x) if lengths is None else model(batch.x, lengths=lengths)
    if forecast.shape != batch.y.shape:
        raise InputError(f"relative errors: the model forecasts {tuple(forecast.shape)} where y is "
                         f"{tuple(batch.y.shape)}; they are to be alike")
    return forecast


def _scored(error: Tensor, scale: Tensor) -> Scored:
    counted = scale > 0
    return Scored((error.abs() / scale.where(counted, 1)).where(counted, 0).sum(), int(counted.sum()), None)
