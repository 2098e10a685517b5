"""Models of series, compared by their forecasts from origins that no model was trained on."""
import inspect
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from math import isfinite
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import nn

from reprise.app.comparison.contest import Entry, Recipe, Result, schedule
from reprise.app.comparison.networks import NETWORKS
from reprise.app.comparison.series_scores import PROTOCOLS, measure_of
from reprise.app.findings.measure import Measure
from reprise.app.findings.summary import Baseline
from reprise.core.errors import InputError, suggest
from reprise.core.files import load_tensors, save_tensors
from reprise.core.state import count_bytes, move
from reprise.data.series.once import open_once
from reprise.data.series.open import open_series
from reprise.data.series.protocols import ett, m4, rolling
from reprise.data.series.split import Split
from reprise.data.series.told import card, told
from reprise.forecasting.backtest import Backtest, backtest
from reprise.forecasting.baselines import create_baseline, list_baselines
from reprise.forecasting.forecaster import Forecaster
from reprise.forecasting.method import Method
from reprise.forecasting.recurrent.carried import Carried
from reprise.forecasting.windowed import Windowed
from reprise.layers import list_layers
from reprise.models.forecast.forecast_model import ForecastModel
from reprise.models.patterns import PATTERNS, expand, told_of
from reprise.training.optimisers import adamw
from reprise.training.run import Run

__all__ = ["Series"]

WEIGHTS = "model.safetensors"
VALIDATED = 2000  # origins of the validation part that a point of the curve is made of, at most
DRAWN, DIGITS = 120, 5  # points of a line in the report, and digits of its numbers
COVERED = 0.8  # by the central interval that is told of


@dataclass(frozen=True)
class Series:
    """The series of one file or of a known set, cut as a protocol says; lengths are steps."""

    kind: ClassVar[str] = "series"
    unit: ClassVar[str] = "point"
    models: ClassVar[tuple[str, ...]] = ("elman", "gru", "lstm", "mingru", "rg_lru", "gated_deltanet")
    recipe: ClassVar[Recipe] = Recipe(width=64, depth=1, channel=None, batch=64, rate=2e-3)
    keeps_best: ClassVar[bool] = True
    reads: ClassVar[tuple[str, ...]] = tuple(inspect.signature(open_series).parameters)[1:]

    data: tuple[str, ...]
    protocol: str = "rolling"
    horizon: int | None = None
    lookback: int | None = None
    reading: tuple[tuple[str, Any], ...] = ()

    def __post_init__(self) -> None:
        if len(self.data) != 1:
            raise InputError(f"series are read from one file at a time, got {len(self.data)}: {', '.join(self.data)}")
        if self.protocol not in PROTOCOLS:
            raise InputError(f"--protocol: expected {', '.join(PROTOCOLS)}, got {self.protocol!r}"
                             f"{suggest(self.protocol, PROTOCOLS)}")
        if self.protocol == "m4" and (self.horizon or self.lookback):
            raise InputError("--protocol m4: the competition says the horizon and sets no lookback; leave both out")

    @property
    def measure(self) -> Measure:
        return measure_of(PROTOCOLS[self.protocol][0])

    @property
    def further(self) -> tuple[Measure, ...]:
        split = _split(self)
        size = 1.0 if split.scaled else float(np.median([np.abs(series.values).mean() for series in split.panel]))
        return tuple(measure_of(name, size) for name in PROTOCOLS[self.protocol][1])

    def card(self) -> dict[str, Any]:
        split = _split(self)
        return card(split.panel) | {"protocol": split.protocol, "horizon": split.horizon, "lookback": split.lookback,
                                    "by_horizon": self._by_horizon}

    def told(self) -> str:
        panel = _split(self).panel
        return told(panel).removeprefix(f"{panel.name}: ").removesuffix(".")

    def check(self, model: str, recipe: Recipe) -> None:
        if model not in NETWORKS and model not in (layers := [*list_layers(), *PATTERNS]):
            raise InputError(f"no layer or forecaster is named {model!r}{suggest(model, [*layers, *NETWORKS])}")
        if model not in NETWORKS:
            expand(model, recipe.depth)

    def about(self, model: str) -> tuple[str, str]:
        return ("windowed", NETWORKS[model][0]) if model in NETWORKS else told_of(model)

    def run(self, entry: Entry, steps: int) -> Run:
        torch.manual_seed(entry.seed)
        split, method = _split(self), self._method(entry)
        built = method.module(split).to(entry.recipe.device)
        return Run(built, method.batches(split), adamw(built, entry.recipe.rate), schedule(steps),
                   method.objective(split))

    @cache  # noqa: B019  one value a model, asked for again and again
    def units(self, entry: Entry) -> int:
        batches = self._method(entry).batches(_split(self))
        return batches.batch * batches.lanes.lookback

    def validate(self, entry: Entry, trained: nn.Module) -> float | None:
        return self._validated(self._fitted(entry, trained))

    def _validated(self, method: Method) -> float | None:
        split = _split(self)
        if not sum(map(len, split.valid)):
            return None
        most = max(VALIDATED // len(split.panel), 1)
        chosen = tuple(o[np.unique(np.linspace(0, len(o) - 1, most).astype(int))] if len(o) else o for o in split.valid)
        score = backtest(method, replace(split, valid=chosen), "valid").overall[self.measure.name]
        return score if isfinite(score) else None

    def test(self, entry: Entry, trained: nn.Module) -> Result:
        return self._result(backtest(self._fitted(entry, trained), _split(self)))

    def _result(self, found: Backtest) -> Result:
        scores = found.overall | {"covered": found.coverage.get(COVERED, np.nan)}
        if not isfinite(scores[self.measure.name]):
            raise InputError(f"no series has a {self.measure.name}: {'; '.join(found.notes)}; see --protocol")
        errors = [[step, _short(error)] for step, error in enumerate(found.by_horizon[self._by_horizon], 1)]
        calibration = {"levels": list(found.levels), "below": [_short(part) for part in found.calibration]}
        return Result(scores[self.measure.name],
                      {m.name: scores[m.name] for m in self.further if isfinite(scores.get(m.name, np.nan))},
                      {"by_horizon": errors[:: max(len(errors) // DRAWN, 1)], "calibration": calibration})

    def save(self, entry: Entry, trained: nn.Module, folder: Path) -> None:
        split = _split(self)
        if isinstance(trained, ForecastModel) and split.lookback is None and split.panel.step is not None:
            Forecaster.of(self._fitted(entry, trained), split.panel).save(folder)
            return
        folder.mkdir(parents=True, exist_ok=True)
        save_tensors(folder / WEIGHTS, trained.state_dict(), {"kind": "model", "model": entry.model})

    def load(self, entry: Entry, folder: Path) -> nn.Module:
        trained = self._method(entry).module(_split(self))
        trained.load_state_dict(load_tensors(folder / WEIGHTS, "model")[0])
        return trained.to(entry.recipe.device).eval()

    def stepper(self, entry: Entry, trained: nn.Module) -> Callable[[], object]:
        point = torch.zeros(1, 1, device=entry.recipe.device)
        if isinstance(method := self._method(entry), Windowed):
            window = method.batches(_split(self)).lanes.windows(np.zeros(1, int), np.ones(1, int), 0)
            window = window._replace(x=torch.zeros(1, method.lookback, 1))
            return lambda: method.loss.forecast(trained, move(window, point.device), _split(self).horizon)
        known = torch.zeros(1, 1 + trained.horizon, trained.known, device=point.device) if trained.known else None
        static = torch.zeros(1, trained.static, device=point.device) if trained.static else None
        state = trained.initial_state(1)

        def step() -> None:
            nonlocal state
            _, state = trained.step(point, state, known=known, static=static)

        return step

    def state_bytes(self, entry: Entry, trained: nn.Module) -> int:
        if isinstance(method := self._method(entry), Windowed):
            return 4 * method.lookback
        return count_bytes(trained.initial_state(1))

    def baselines(self) -> tuple[str, ...]:
        return tuple(list_baselines())

    def baseline(self, name: str) -> list[Baseline]:
        began, method = time.perf_counter(), create_baseline(name).fit(_split(self))
        result = self._result(backtest(method, _split(self)))
        why = (sys.modules[type(method).__module__].__doc__ or name).partition("\n")[0]
        return [Baseline(name=name.replace("_", " "), group=name, score=result.score, valid=self._validated(method),
                         further=result.further, detail=result.detail, seconds=time.perf_counter() - began, why=why)]

    def shown(self, entry: Entry, trained: nn.Module) -> dict[str, Any]:
        found = backtest(self._fitted(entry, trained), _split(self))
        return {"examples": [_told(example, found.levels) for example in found.examples]}

    @property
    def _by_horizon(self) -> str:
        """The score that is told of every step ahead."""
        return "sMAPE" if self.protocol == "m4" else self.measure.name

    def _fitted(self, entry: Entry, trained: nn.Module) -> Carried | Windowed:
        return self._method(entry).finish(_split(self), trained)

    def _method(self, entry: Entry) -> Carried | Windowed:
        recipe, split = entry.recipe, _split(self)
        if entry.model not in NETWORKS:
            built = {"width": recipe.width, "depth": recipe.depth, "channel": recipe.channel}
            return Carried(entry.model, batch=recipe.batch, rate=recipe.rate, seed=entry.seed, options=built)
        build, season = NETWORKS[entry.model][1], split.panel.season
        return Windowed(
            lambda lookback, horizon, series: build(lookback, horizon, series, season), _window(split),
            loss="mse" if split.scaled else "mae", batch=recipe.batch, rate=recipe.rate, seed=entry.seed)


@cache
def _split(contest: Series) -> Split:
    """The data, opened and cut once a process."""
    panel = open_once(contest.data[0], **dict(contest.reading))
    if contest.protocol == "ett":
        return ett(panel, contest.horizon or 96, contest.lookback or 96)
    return m4(panel) if contest.protocol == "m4" else rolling(panel, contest.horizon, lookback=contest.lookback)


def _window(split: Split) -> int:
    """What windowed networks see: what the protocol lets them, else two seasons or horizons, where there is room."""
    room = (int(np.median(split.train)) - split.horizon) // 2
    return split.lookback or max(min(2 * max(split.panel.season, split.horizon), room), 1)


def _told(example: Any, levels: tuple[float, ...]) -> dict[str, Any]:
    """An example of a backtest as plain JSON; low and high are the ends of the central interval."""
    rows = {"history": example.history[-3 * DRAWN :], "truth": example.truth, "point": example.point}
    if example.quantiles is not None:
        ends = [int(np.abs(np.array(levels) - level).argmin()) for level in ((1 - COVERED) / 2, (1 + COVERED) / 2)]
        rows |= {"low": example.quantiles[:, ends[0]], "high": example.quantiles[:, ends[1]]}
    return {"series": example.series, "rank": example.rank,
            **{name: [_short(value) for value in values] for name, values in rows.items()}}


def _short(value: float) -> float | None:
    return float(f"{value:.{DIGITS}g}") if isfinite(value) else None
