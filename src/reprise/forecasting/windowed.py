"""Any network from a window to what follows it, as a method: trained on all series of a split, asked at any origin."""
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import Float64, Int64
from torch import nn

from reprise.core.errors import InputError, check_counts
from reprise.core.modes import undisturbed
from reprise.core.state import move
from reprise.data.series.panel import Series
from reprise.data.series.scores import LEVELS
from reprise.data.series.split import Split
from reprise.forecasting.method import Forecast
from reprise.forecasting.scales import Scales
from reprise.forecasting.skipped import Skipped
from reprise.forecasting.training import Budget, Look, train
from reprise.forecasting.window_batches import Lanes, WindowBatches
from reprise.forecasting.window_loss import WindowLoss
from reprise.models.forecast.wrappers.clocked import reads_clock
from reprise.training.objectives import Objective

__all__ = ["Build", "Windowed"]

Build = Callable[[int, int, int], nn.Module]  # lookback, horizon, number of series

ROWS = 8192  # windows that are forecast at once
VALIDATED = 4096  # validation windows that are looked at, at most: evenly picked, and always the same


class Fitted(NamedTuple):
    """What forecasts: a module, the scales of the series it has learnt from, and how far ahead it says."""

    module: nn.Module
    scales: Scales
    horizon: int


class Windowed:
    """A windowed module, (B L D) -> (B H D), trained by Adam on windows of the training parts of all series.

    build: makes the module of lookback L, horizon H and the number of series. Windows are of one series, D = 1, whose
    number a module may ask for (models/forecast/wrappers/clocked); or, `together`, of all on one clock, D their number.
    loss: "mse", "mae" or "quantiles" (B H D Q), of which forecasts then tell; the point is the median, or nearest.
    budget: 30 seconds, unless given; the weights kept are those that were best at the validation origins.
    learns: what training makes small, where it is not the loss, by which the best weights are chosen.
    scale: "train", each series standardised by its training part; "none", as for modules that normalise windows.
    A window that reaches back before the first value holds that value there.
    In slices: training/run.Run(m.module(split), m.batches(split), optimiser, schedule, m.objective(split)), then
    m.validate(split, module) as one likes, then m.finish(split, module), which forecasts.
    """

    def __init__(
        self, build: Build, lookback: int, budget: Budget | None = None, loss: str = "mse", *, batch: int = 256,
        rate: float = 1e-3, weight_decay: float = 0.0, clip: float = 1.0, scale: Literal["train", "none"] = "train",
        together: bool = False, levels: tuple[float, ...] = LEVELS, seed: int = 0, learns: Objective | None = None,
    ):
        check_counts("Windowed", lookback=lookback, batch=batch)
        if scale not in ("train", "none"):
            raise InputError(f"Windowed: expected scale to be train or none, got {scale!r}")
        self.build, self.lookback, self.budget = build, lookback, budget or Budget(seconds=30.0)
        self.loss, self.batch, self.rate, self.weight_decay = WindowLoss(loss, levels), batch, rate, weight_decay
        self.clip, self.scale, self.together, self.seed = clip, scale, together, seed
        self.learns: Objective = learns or self.loss
        self.fitted: Fitted | None = None

    def module(self, split: Split) -> nn.Module:
        """An untrained module for that split, the same each time; torch's generator is left as it was."""
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            return self.build(self.lookback, split.horizon, len(split.panel))

    def batches(self, split: Split, batch: int | None = None, seed: int | None = None) -> WindowBatches:
        """Endless windows of the training parts. Raises Skipped where the split allows less of a lookback."""
        if split.lookback is not None and self.lookback > split.lookback:
            raise Skipped(f"the {split.protocol} protocol allows to look at the last {split.lookback} values, and this "
                          f"looks at {self.lookback}; build it with lookback={split.lookback}")
        lanes = self._scales(split).lanes(split.panel.series, split.train, self.lookback, self.together)
        return WindowBatches(lanes, split.horizon, batch or self.batch, self.seed if seed is None else seed)

    def objective(self, split: Split) -> Objective:
        """What training makes small."""
        return self.learns

    def fit(self, split: Split) -> "Windowed":
        for _ in self.fitting(split):
            pass
        return self

    def fitting(self, split: Split) -> Iterator[Look]:
        """`fit`, with a look at how it goes now and then."""
        module = self.module(split)
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            yield from train(module, self.batches(split), self.learns, self._validation(split), self.budget,
                             rate=self.rate, weight_decay=self.weight_decay, clip=self.clip)
        self.finish(split, module)

    def finish(self, split: Split, module: nn.Module) -> "Windowed":
        """This method with a module that was trained on batches of that split; itself."""
        self.fitted = Fitted(module.eval(), self._scales(split), split.horizon)
        return self

    def validate(self, split: Split, module: nn.Module) -> float:
        """The mean loss at the validation origins, on the scale of training; nan where there are none."""
        return self._validation(split)(module)

    def forecast(
        self, series: Sequence[Series], origins: Sequence[Int64[np.ndarray, " _"]], horizon: int,
    ) -> list[Forecast]:
        """As a Method's. Raises InputError before it is trained, for a longer horizon than it was trained for, for an
        origin of 0, at which nothing is known, a series it must know and does not, and, `together`, origins that differ
        and others than all series.
        """
        if self.fitted is None:
            raise InputError("Windowed: it has learnt nothing yet; call fit(split) first")
        module, scales, longest = self.fitted
        if not 1 <= horizon <= longest:
            raise InputError(f"Windowed: expected a horizon of 1 to {longest}, for which it was trained, got {horizon}")
        scales.check(series, origins, known=self.together or reads_clock(module), together=self.together)
        lanes = scales.lanes(series, [max([1, *o]) for o in origins], self.lookback, self.together)
        asked = origins[:1] if self.together else origins
        found = self._ask(lanes, asked)[:, :horizon]
        parts = np.split(found, np.cumsum([len(o) for o in asked])[:-1])
        columns = [parts[0][:, :, d] for d in range(len(series))] if self.together else [p[:, :, 0] for p in parts]
        return [self._told(scales.back(one.name, column)) for one, column in zip(series, columns, strict=True)]

    def _ask(self, lanes: Lanes, origins: Sequence[Int64[np.ndarray, " _"]]) -> np.ndarray:
        """Forecasts (O H D ...) from all origins of all lanes, one after the other."""
        module, _, horizon = self.fitted
        lane, origin = _laid_out(origins)
        device, found = next(module.parameters()).device, []
        with torch.no_grad(), undisturbed(module.modules()):
            for first in range(0, max(len(lane), 1), ROWS):
                windows = lanes.windows(lane[first : first + ROWS], origin[first : first + ROWS], 0)
                found.append(self.loss.forecast(module, move(windows, device), horizon).cpu().double().numpy())
        return np.concatenate(found)

    def _told(self, found: Float64[np.ndarray, "O H ..."]) -> Forecast:
        if self.loss.name != "quantiles":
            return Forecast(found)
        found, levels = np.sort(found, -1), self.loss.levels
        return Forecast(found[..., np.abs(np.array(levels) - 0.5).argmin()], found, levels)

    def _scales(self, split: Split) -> Scales:
        return Scales(split, self.scale == "train")

    def _validation(self, split: Split) -> Callable[[nn.Module], float]:
        """The loss of a module at the validation origins, which are laid out once."""
        origins = [np.asarray(o)[np.asarray(o) > 0] for o in split.valid]
        if not sum(map(len, origins)):
            return lambda module: math.nan
        ends = [max([split.horizon, *(o + split.horizon)]) for o in origins]
        lanes = self._scales(split).lanes(split.panel.series, ends, self.lookback, self.together)
        lane, origin = _laid_out(origins[:1] if self.together else origins)
        width = lanes.values.shape[1]
        picked = np.unique(np.linspace(0, len(lane) - 1, min(len(lane), max(VALIDATED // width, 1))).astype(int))
        windows = lanes.windows(lane[picked], origin[picked], split.horizon)

        def loss(module: nn.Module) -> float:
            with torch.no_grad(), undisturbed(module.modules()):
                scored = self.loss(module, move(windows, next(module.parameters()).device))
            return scored.total.item() / scored.count

        return loss


def _laid_out(origins: Sequence[Int64[np.ndarray, " _"]]) -> tuple[Int64[np.ndarray, " N"], Int64[np.ndarray, " N"]]:
    """All origins one after the other, and of which lane each is."""
    return np.repeat(np.arange(len(origins)), [len(o) for o in origins]), np.concatenate([*origins]).astype(np.int64)
