"""A graph of who occurs with whom, learned on, makes a network forecast coupled series better.

Paper    Spadon et al. 2021, arXiv:2008.12833 (spadon2021pay)
Claim    A recurrent network that mixes variables by a graph that evolves from co-occurrence errs less than without it
         and than other methods; the graph shows which variables belong together.
Here     12 variables that follow three hidden courses with lags of 0 to 6 steps and a season of 14, half of the values
         zero; 60 entities, 300 steps, each variable of an entity over its largest value of the first 210, which are for
         training. 7 steps ahead from 21; every 7th window of the rest. 2500 updates of 64 windows on absolute errors:
         ReGENN, the same without evolution, a GRU of 64 units on all variables. Ridge regressions, one of a variable
         on its own past, one of all on the past of all; the season before. Three seeds.
Not here COVID-19, Brazilian weather, PhysioNet; layers other than GRU; a choice of sizes by validation.
"""
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice, product
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from reprise.data.labelled import Labelled, labelled_batches
from reprise.data.series.generated.coupled import coupled
from reprise.data.sets.ett import windows
from reprise.lab.claims import all_hold, at_least, at_most
from reprise.lab.figures import bars
from reprise.models.forecast.linear_forecaster import LinearForecaster
from reprise.models.forecast.regenn import ReGENN
from reprise.models.sequence_model import SequenceModel
from reprise.training.fit import fit
from reprise.training.objectives import Scored
from reprise.training.schedules import WarmupCosine

KEY = ("method", "seed")
TABLE = ("method", "kind", "error")
FIGURES = (bars("method", "error", title="Mean absolute error, of the largest value in training"),
           bars("method", "log_error", title="Root mean squared error of logarithms"))

PERIOD = 14
Forecasts = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Config:
    methods: tuple[str, ...] = ("regenn", "no_evolution", "gru", "ridge", "ridge_of_all", "season")
    seeds: int = 3
    entities: int = 60
    steps: int = 300
    train: int = 210
    lookback: int = 21
    horizon: int = 7
    width: int = 64  # of the GRU
    updates: int = 2500
    batch: int = 64
    rate: float = 3e-3
    dropout: float = 0.0
    penalty: float = 1.0


SMOKE = ("seeds=1", "entities=3", "steps=70", "train=40", "updates=3", "batch=8", "width=8")


def cells(c: Config):
    yield from ({"method": method, "seed": seed} for seed, method in product(range(c.seeds), c.methods))


def measure(c: Config, method: str, seed: int) -> dict[str, float | str]:
    made = coupled(c.entities, c.steps, seed, period=PERIOD)
    values = torch.from_numpy(made.values / made.values[:, : c.train].max(1, keepdims=True)).float()
    seen, late = values[:, : c.train], values[:, c.train - c.lookback:]
    train, test = cut(c, seen, 1), cut(c, late, c.horizon)
    torch.manual_seed(seed)
    if method == "season":  # what is asked for began a season before the window's end
        forecast, more = test.x[:, -PERIOD : c.horizon - PERIOD or None], {}
    else:
        ahead, more = METHODS[method](c, train, seen, made.groups)
        with torch.no_grad():
            forecast = ahead(test.x).clamp(min=0)
    logs = (forecast.log1p() - test.y.log1p()).square().mean().sqrt()
    kind = "network" if method in ("regenn", "no_evolution", "gru") else "simple"
    return {"kind": kind, "error": (forecast - test.y).abs().mean().item(), "log_error": logs.item(), **more}


def cut(c: Config, values: Tensor, stride: int) -> Labelled:
    """Windows of all entities."""
    pairs = [windows(one, c.lookback, c.horizon) for one in values]
    return Labelled(*(torch.cat([part[::stride] for part in parts]) for parts in zip(*pairs)))


def regenn(c: Config, train: Labelled, seen: Tensor, groups: np.ndarray) -> tuple[Forecasts, dict[str, float]]:
    model = ReGENN(c.lookback, c.horizon, len(groups), dropout=c.dropout).observe(seen)
    before = area(model.mixing().numpy(), groups)
    trained(c, model, train, model)
    return model, {"area": area(model.mixing().numpy(), groups), "area_before": before}


def no_evolution(c: Config, train: Labelled, seen: Tensor, groups: np.ndarray) -> tuple[Forecasts, dict[str, float]]:
    model = ReGENN(c.lookback, c.horizon, len(groups), dropout=c.dropout, evolution=False)
    trained(c, model, train, model)
    return model, {}


def gru(c: Config, train: Labelled, seen: Tensor, groups: np.ndarray) -> tuple[Forecasts, dict[str, float]]:
    model = SequenceModel("gru", len(groups), c.horizon * len(groups), c.width, depth=1, channel=None)
    ahead = lambda x: model(x)[0][:, -1].unflatten(1, (c.horizon, -1))  # noqa: E731
    trained(c, model, train, ahead)
    return ahead, {}


def ridge(c: Config, train: Labelled, seen: Tensor, groups: np.ndarray) -> tuple[Forecasts, dict[str, float]]:
    return LinearForecaster(c.lookback, c.horizon).solve(train.x, train.y, c.penalty), {}


def ridge_of_all(c: Config, train: Labelled, seen: Tensor, groups: np.ndarray) -> tuple[Forecasts, dict[str, float]]:
    flat = lambda x: x.flatten(1)[..., None]  # noqa: E731
    model = LinearForecaster(c.lookback * len(groups), c.horizon * len(groups))
    model.solve(flat(train.x), flat(train.y), c.penalty)
    return lambda x: model(flat(x))[..., 0].unflatten(1, (c.horizon, -1)), {}


METHODS = {"regenn": regenn, "no_evolution": no_evolution, "gru": gru, "ridge": ridge, "ridge_of_all": ridge_of_all}


def trained(c: Config, model: nn.Module, train: Labelled, ahead: Forecasts) -> None:
    def objective(_: nn.Module, batch: Any, __: Any) -> Scored:
        return Scored((ahead(batch.x) - batch.y).abs().sum(), batch.y.numel(), None)

    optimiser, schedule = torch.optim.Adam(model.parameters(), c.rate), WarmupCosine(c.updates, floor=0.01)
    for _ in fit(model, islice(labelled_batches(train, c.batch, 0), c.updates), objective, optimiser, schedule):
        pass
    model.eval()


def area(weights: np.ndarray, groups: np.ndarray) -> float:
    """Of pairs of weights, one within a group and one between two, the share in which that within is larger."""
    same, other = groups[:, None] == groups, ~np.eye(len(groups), dtype=bool)
    within, between = weights[same & other][:, None], weights[~same]
    return float((within > between).mean() + (within == between).mean() / 2)


def claims(t):
    def of(method, column="error"):
        return t.over_seeds(column, method=method)

    yield all_hold("with evolution the error is 3 % below that without, and 10 % below that of ridge regression", [
        at_most("without", of("regenn") / of("no_evolution"), 0.97),
        at_most("ridge regression", of("regenn") / of("ridge"), 0.9)])
    yield all_hold("it is 1 % below that of every other method too", [
        at_most(method, of("regenn") / of(method), 0.99) for method in ("gru", "ridge_of_all", "season")])
    yield at_least("weights are larger within groups than between them in more than 0.8 of all pairs",
                   of("regenn", "area"), 0.8)
