"""Any recurrent layer as a method: trained on stretches of all series, asked from the state that has read the past."""
import inspect
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Int64
from torch import Tensor

from reprise.core.errors import InputError, check_counts, suggest
from reprise.core.modes import undisturbed
from reprise.data.series.panel import Series
from reprise.data.series.scores import LEVELS
from reprise.data.series.split import Split
from reprise.forecasting.method import Forecast
from reprise.forecasting.recurrent.reading import Fitted, answers, blocks_of, told
from reprise.forecasting.recurrent.stretches import StretchLoss
from reprise.forecasting.scales import Scales
from reprise.forecasting.training import Budget, Look, train
from reprise.forecasting.window_batches import Lane, Lanes, WindowBatches
from reprise.models.forecast.forecast_model import ForecastModel

__all__ = ["Carried"]

VALIDATED = 2048  # validation origins that are looked at, at most


class Carried:
    """A ForecastModel, how it is trained, and, once it is, forecasts.

    A split's lookback decides what it may look at: so many steps, each window read from an empty state; or, None, all
    there is, the state carried along the series.
    layers, options: as of ForecastModel; what is not said follows from the split (`options_for`).
    together: all series are read jointly, the columns of one; they must be on one clock and have the same covariates,
    and static ones are not read. Else each is a row of its own.
    stretch: steps of a series that a row of a batch holds.
    Raises InputError where there is no option of such a name.
    """

    def __init__(self, layers: Any = "gru", budget: Budget | None = None, *, stretch: int | None = None,
                 together: bool = False, batch: int = 64, rate: float = 2e-3, seed: int = 0,
                 options: dict[str, Any] | None = None):
        check_counts("Carried", stretch=stretch, batch=batch)
        known = inspect.signature(ForecastModel).parameters
        if wrong := [name for name in options or {} if name not in known]:
            raise InputError(f"Carried: a model has no option {wrong[0]!r}{suggest(wrong[0], known)}")
        self.layers, self.options, self.budget = layers, options or {}, budget or Budget(seconds=30.0)
        self.stretch, self.together, self.batch, self.rate, self.seed = stretch, together, batch, rate, seed
        self.fitted: Fitted | None = None

    def options_for(self, split: Split) -> dict[str, Any]:
        """Those of the model, where the user says nothing: a segment of half a season, a memory of four."""
        season, horizon = split.panel.season, split.horizon
        segment = min(max(season // 2 if season > 1 else horizon // 4, 1), 24, horizon)
        usual = {"layers": self.layers, "horizon": horizon, "series": len(split.panel) if self.together else 1,
                 "segment": segment, "memory": float(max(4 * season, 2 * horizon, 2)), "scaled": not split.scaled,
                 "known": len(split.panel.known), "static": 0 if self.together else len(split.panel.static),
                 "head": "point" if split.scaled else ("quantiles", {"levels": LEVELS})}
        return usual | self.options

    def module(self, split: Split) -> ForecastModel:
        """An untrained model for that split, the same each time; torch's generator is left as it was."""
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            return ForecastModel(**self.options_for(split))

    def batches(self, split: Split, batch: int | None = None, seed: int | None = None) -> WindowBatches:
        """Endless stretches of the training parts."""
        model = self.options_for(split)
        scales = Scales(split)
        length = split.lookback or self.stretch or _usual_stretch(split, model["segment"])
        lanes = [Lane(np.concatenate([b.values, b.known[: len(b.values)]], 1), 0, [b.number] * b.values.shape[1])
                 for b in blocks_of(split.panel.series, split.train, None, scales, self.together)]
        return WindowBatches(Lanes(lanes, length), model["horizon"], batch or self.batch,
                             self.seed if seed is None else seed)

    def objective(self, split: Split) -> StretchLoss:
        return StretchLoss(every=split.lookback is None, static=_static(split))

    def fit(self, split: Split) -> "Carried":
        for _ in self.fitting(split):
            pass
        return self

    def fitting(self, split: Split) -> Iterator[Look]:
        """`fit`, with a look at how it goes now and then."""
        model = self.module(split)
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            yield from train(model, self.batches(split), self.objective(split), lambda m: self.validate(split, m),
                             self.budget, rate=self.rate, weight_decay=0.01)
        self.finish(split, model)

    def finish(self, split: Split, model: ForecastModel) -> "Carried":
        """This method with a model that was trained on batches of that split; itself."""
        self.fitted = Fitted(model.eval(), Scales(split), self.together, split.lookback, _static(split))
        return self

    def validate(self, split: Split, model: ForecastModel) -> float:
        """The head's mean cost at validation origins, asked as they will be in use; nan where there are none."""
        most = max(VALIDATED // max(len(split.panel), 1), 1)
        origins = [o[np.unique(np.linspace(0, len(o) - 1, min(len(o), most)).astype(int))] if len(o) else o
                   for o in split.valid]
        if not any(map(len, origins)):
            return float("nan")
        fitted = Fitted(model, Scales(split), self.together, split.lookback, _static(split))
        costs = []
        with torch.no_grad(), undisturbed(model.modules()):
            asked = blocks_of(split.panel.series, None, origins, fitted.scales, self.together)
            for block, parameters in zip(asked, answers(fitted, asked, model.horizon), strict=True):
                after = np.stack([block.values[o : o + model.horizon] for o in block.origins]) if len(
                    block.origins) else np.zeros((0, model.horizon, model.width))
                costs.append(model.head.cost(parameters, torch.from_numpy(after).to(parameters)).flatten())
        return torch.cat(costs).mean().item()

    def forecast(
        self, series: Sequence[Series], origins: Sequence[Int64[np.ndarray, " _"]], horizon: int,
    ) -> list[Forecast]:
        """As a Method's; beyond the horizon it was trained for it reads its own point forecasts.

        Raises InputError before it is trained, for a horizon of less than 1, origins outside a series, a series whose
        scale is not known, where covariates are not known as far ahead as is asked, and, `together`, for origins that
        differ and others than all series.
        """
        if self.fitted is None:
            raise InputError("Carried: it has learnt nothing yet; call fit(split) first")
        fitted = self.fitted
        if horizon < 1:
            raise InputError(f"Carried: expected a horizon of 1 or more, got {horizon}")
        known = fitted.together or bool(fitted.model.static)
        fitted.scales.check(series, origins, known=known, together=fitted.together)
        blocks = blocks_of(series, None, origins, fitted.scales, fitted.together)
        with torch.no_grad(), undisturbed(fitted.model.modules()):
            columns = [column for found in answers(fitted, blocks, horizon) for column in found.unbind(2)]
        return [told(fitted, column, one.name) for one, column in zip(series, columns, strict=True)]


def _usual_stretch(split: Split, segment: int) -> int:
    """Four seasons, or twice the horizon; half of what a middling series has to train on, at most."""
    season, horizon = split.panel.season, split.horizon
    middle = int(np.median(split.train[split.train > 0])) if (split.train > 0).any() else 1
    return max(min(max(4 * season, 2 * horizon, 2 * segment), (middle - horizon) // 2), 1)


def _static(split: Split) -> Tensor | None:
    """(N C), each column standardised over the series."""
    if not split.panel.static:
        return None
    table = np.stack([series.static for series in split.panel])
    return torch.from_numpy(((table - table.mean(0)) / (table.std(0) + 1e-6)).astype(np.float32))
