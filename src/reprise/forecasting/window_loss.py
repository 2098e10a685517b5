"""What a windowed forecaster is trained to make small, by name."""
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from reprise.core.errors import InputError, suggest
from reprise.data.series.scores import LEVELS
from reprise.forecasting.window_batches import Windows
from reprise.models.forecast.heads import check_levels, pinball
from reprise.models.forecast.patch_forecaster import PatchForecaster
from reprise.models.forecast.wrappers.clocked import forecast_at
from reprise.training.objectives import Scored

__all__ = ["LOSSES", "WindowLoss", "next_patch"]

LOSSES = ("mse", "mae", "quantiles")


@dataclass(frozen=True)
class WindowLoss:
    """An objective of training/fit over `Windows`, a mean over every value forecast: "mse", "mae" or "quantiles",
    whose cost is the `pinball` of heads.

    Forecasts are (B H D), or (B H D Q) for the quantiles of rising `levels`.
    Raises InputError for another name, levels that do not rise from above 0 to below 1, and forecasts of another shape.
    """

    name: str = "mse"
    levels: tuple[float, ...] = LEVELS

    def __post_init__(self) -> None:
        if self.name not in LOSSES:
            raise InputError(f"no loss of windows is named {self.name!r}{suggest(self.name, LOSSES)}")
        check_levels("WindowLoss", self.levels)

    def __call__(self, module: nn.Module, batch: Windows, state: Any = None) -> Scored:
        errors = self.errors(self.forecast(module, batch, batch.y.shape[1]), batch.y)
        return Scored(errors.sum(), errors.numel(), None)

    def forecast(self, module: nn.Module, batch: Windows, horizon: int) -> Float[Tensor, "B H D ..."]:
        """What the module says to the windows of a batch, of the shape that is scored."""
        found = forecast_at(module, batch.x, batch.clock, batch.series)
        rows, _, width = batch.x.shape
        wanted = (rows, horizon, width, *((len(self.levels),) if self.name == "quantiles" else ()))
        if not isinstance(found, Tensor) or found.shape != wanted:
            got = tuple(found.shape) if isinstance(found, Tensor) else f"a {type(found).__name__}"
            raise InputError(f"loss {self.name!r}: expected forecasts of shape {wanted} from {type(module).__name__}, "
                             f"got {got}; Quantiles makes quantiles of a forecaster of horizon times levels")
        return found.float()

    def errors(self, found: Float[Tensor, "B H D ..."], y: Float[Tensor, "B H D"]) -> Float[Tensor, "B H D ..."]:
        if self.name == "mse":
            return (found - y).square()
        if self.name == "mae":
            return (found - y).abs()
        return pinball(found, y, self.levels)


def next_patch(module: PatchForecaster, batch: Windows, state: Any = None) -> Scored:
    """The squared error of what the module says to each patch of windows and what follows, given those before."""
    whole = torch.cat([batch.x, batch.y], 1)
    found = module.following(whole)
    errors = (found.float() - whole[:, module.patch : module.patch + found.shape[1]]).square()
    return Scored(errors.sum(), errors.numel(), None)
