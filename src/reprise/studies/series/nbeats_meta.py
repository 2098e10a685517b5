"""Trained on a pool of series, N-BEATS forecasts series of another kind as well as methods fitted to each of them.

Paper    Oreshkin et al. 2021, arXiv:2002.02887 (oreshkin2021meta)
Claim    A network frozen after training on many series forecasts new ones, of other kinds, at least as well as
         statistical methods that are fitted to each. Blocks with shared weights do better the more often they are
         applied: what one has left of a window is what the next one learns from.
Here     A source of 2000 series: additive seasons of 4, 6 or 12 steps, trends, noise with a memory, shifts of level.
         Two pools of 150 with multiplicative seasons: of the same periods, as where papers match the frequency, and of
         5, 7 or 10 steps. 12 steps ahead from the last 36; 1, 3, 8 or 16 generic blocks of 128 units, shared or
         separate, and 8 that all see the whole window; each 1000 updates of 128 windows. Against it, fitted to all the
         past of each series and told its season: repeating the last season, Theta, multiplicative exponential
         smoothing, its trend chosen by an information criterion, and a ridge regression. sMAPE in per cent of the last
         12 steps of each. Three seeds.
Not here M4 and the sets it is carried to; ensembles over lookbacks, losses and seeds.
Why      On the periods of the source Theta errs by 6.0 per cent and 16 shared blocks by 7.1; on periods that the source
         has not they err about five times as much as any method fitted to each series.
"""
from dataclasses import dataclass, replace
from itertools import islice, product

import numpy as np
import torch
from torch import Tensor

from reprise.core.errors import need
from reprise.data.series.cuts import cuts, last_cuts
from reprise.data.series.generated.families import Family, Generated
from reprise.data.series.scores import smape
from reprise.data.sets.ett import windows
from reprise.lab.claims import all_hold, at_most
from reprise.lab.figures import bars, curve
from reprise.models.forecast.linear_forecaster import LinearForecaster
from reprise.models.forecast.nbeats import NBeats
from reprise.training.fit import fit
from reprise.training.relative_errors import smape as relative
from reprise.training.schedules import WarmupCosine

KEY = ("method", "blocks", "seed")
TABLE = ("method", "blocks", "error")
FIGURES = (curve("blocks", "error", "method", log="x", where={"kind": "network"}, title="sMAPE, per cent, zero-shot"),
           bars("method", "error", "blocks", title="sMAPE, per cent, periods as in the source"),
           bars("method", "other_error", "blocks", title="sMAPE, per cent, other periods"))

FITTED = ("season", "theta", "smoothing", "ridge")
SOURCE = Family(periods=(4, 6, 12), season=(0.1, 0.5), noise=(0.01, 0.08), shifts=0.5)
TARGETS = {"": replace(SOURCE, multiplicative=True),
           "other_": replace(SOURCE, multiplicative=True, periods=(5, 7, 10))}


@dataclass(frozen=True)
class Config:
    blocks: tuple[int, ...] = (1, 3, 8, 16)
    whole: int = 8  # blocks of the networks without the subtraction
    methods: tuple[str, ...] = FITTED
    seeds: int = 3
    sources: int = 2000
    targets: int = 150
    lookback: int = 36
    horizon: int = 12
    width: int = 128
    updates: int = 1000
    batch: int = 128
    rate: float = 1e-3


SMOKE = ("blocks=1,3", "whole=3", "seeds=1", "sources=20", "targets=4", "width=16", "updates=3",
         "methods=season,ridge")


def cells(c: Config):
    for seed in range(c.seeds):
        yield from ({"method": method, "blocks": 0, "seed": seed} for method in c.methods)
        for method, blocks in product(("shared", "separate"), c.blocks):
            yield {"method": method, "blocks": blocks, "seed": seed}
        for method in ("shared_whole", "separate_whole"):
            yield {"method": method, "blocks": c.whole, "seed": seed}


def measure(c: Config, method: str, blocks: int, seed: int) -> dict[str, float | str]:
    model, found = None if method in FITTED else trained(c, method, blocks, seed), {}
    for which, family in TARGETS.items():
        series = family.draw(c.targets, (72, 120), 2 * seed + 1)
        x, y, lengths = last_cuts([one.values for one in series], c.lookback, c.horizon)
        with torch.no_grad():
            forecast = model(x, lengths) if model else fitted(c, method, series)
        found[f"{which}error"] = smape(y.numpy(), forecast.numpy())
    return {"kind": "network" if model else "fitted", **found}


def trained(c: Config, method: str, blocks: int, seed: int) -> NBeats:
    torch.manual_seed(seed)
    model = NBeats(c.lookback, c.horizon, blocks=blocks, width=c.width, shared=method.startswith("shared"),
                   residual=not method.endswith("whole"))
    source = [series.values for series in SOURCE.draw(c.sources, (60, 200), 2 * seed)]
    batches = cuts(source, c.lookback, c.horizon, batch=c.batch, seed=seed)
    optimiser, schedule = torch.optim.Adam(model.parameters(), c.rate), WarmupCosine(c.updates, floor=0.01)
    for _ in fit(model, islice(batches, c.updates), relative, optimiser, schedule):
        pass
    return model.eval()


def fitted(c: Config, method: str, targets: list[Generated]) -> Tensor:
    """Forecasts (B H 1) of a method that sees all of each series but its end."""
    ahead = {"season": repeated, "ridge": ridge, "theta": theta, "smoothing": smoothing}[method]
    rows = [ahead(series.values[: -c.horizon], series.period, c.horizon) for series in targets]
    return torch.as_tensor(np.array(rows), dtype=torch.float32)[..., None]


def repeated(values: np.ndarray, period: int, horizon: int) -> np.ndarray:
    return np.resize(values[-period:], horizon)


def ridge(values: np.ndarray, period: int, horizon: int) -> np.ndarray:
    scaled = torch.from_numpy(values / values.mean())[:, None]
    model = LinearForecaster(2 * period, horizon).double().solve(*windows(scaled, 2 * period, horizon), penalty=0.1)
    with torch.no_grad():
        return model(scaled[None, -2 * period :])[0, :, 0].numpy() * values.mean()


def theta(values: np.ndarray, period: int, horizon: int) -> np.ndarray:
    return need("statsforecast.models", "series").OptimizedTheta(period).forecast(values, horizon)["mean"]


def smoothing(values: np.ndarray, period: int, horizon: int) -> np.ndarray:
    return need("statsforecast.models", "series").AutoETS(period, model="MZM").forecast(values, horizon)["mean"]


def claims(t):
    def of(method, blocks=0, column="error"):
        return t.over_seeds(column, method=method, blocks=blocks)

    shared = {blocks: of("shared", blocks) for blocks in (1, 3, 8, 16)}
    for column, about in (("error", "of the periods of the source"), ("other_error", "of other periods")):
        yield all_hold(f"on series {about}, 16 shared blocks err at most 2 % more than every method fitted to each", [
            at_most(f"than {method}", of("shared", 16, column) / of(method, 0, column), 1.02) for method in FITTED])
    yield all_hold("the error of shared blocks falls, by 1 % from 1 to 3 and by 2 % from 1 to 16", [
        at_most("from 1 to 3", shared[3] / shared[1], 0.99), at_most("from 1 to 16", shared[16] / shared[1], 0.98)])
    yield at_most("8 shared blocks that see what others have left err 1 % less than 8 that see the whole window",
                  shared[8] / of("shared_whole", 8), 0.99)
