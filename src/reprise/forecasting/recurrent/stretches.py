"""What a ForecastModel learns from: a forecast at every step of a stretch, or at the end of a window alone."""
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from reprise.forecasting.window_batches import Windows
from reprise.models.forecast.forecast_model import ForecastModel
from reprise.training.objectives import Scored

__all__ = ["StretchLoss", "covariates"]


@dataclass(frozen=True, eq=False)
class StretchLoss:
    """An objective of training/fit over `Windows` whose last columns are covariates: the mean of the head's cost.

    every: forecasts after every step count, as they are asked for where state is carried; else the one at the end of
    each window, as where there is nothing but the window.   static: (N C), of each series by its number.
    """

    every: bool
    static: Float[Tensor, "N C"] | None = None

    def __call__(self, model: ForecastModel, batch: Windows, state: Any = None) -> Scored:
        H, D = batch.y.shape[1], model.width
        whole = torch.cat([batch.x, batch.y], 1)
        known, static = covariates(model, whole, batch.series, self.static)
        if self.every:
            parameters, _ = model(batch.x[..., :D], known=known, static=static)
            y = whole[:, 1:, :D].unfold(1, H, 1).mT  # (B L H D)
        else:
            parameters = model.windows(batch.x[..., :D], known=known, static=static)
            y = batch.y[..., :D]
        costs = model.head.cost(parameters.float(), y)
        return Scored(costs.sum(), costs.numel(), None)


def covariates(
    model: ForecastModel, whole: Float[Tensor, "B T DK"], series: Tensor, static: Float[Tensor, "N C"] | None
) -> tuple[Tensor | None, Tensor | None]:
    """What a model is told beside the values: the last columns, and the rows of the series."""
    known = whole[..., model.width :] if model.known else None
    return known, static.to(whole.device)[series[:, 0]] if model.static and static is not None else None
