"""RWKV-7 in the place of attention forecasts series, patch by patch, as well as a transformer does.

Paper    Hou et al. 2025, arXiv:2503.06121 (hou2025blackgoose)
Claim    A forecaster that reads patches with RWKV-7, in the place of a transformer, is better by 1.13 to 43.3 times,
         with fewer parameters and less time to train.
Here     Four made series by the hour, of a day, a week, a trend, changes of regime, in which the size of the day and
         the level change, and noise; and ETTh1. 96 steps from 192, in patches of 24, each model trained to say the next
         patch and asked to read its own. Rimer of two layers, and as its code has it (lite: one, with a linear channel
         mixing); a causal transformer of equal depth, an LSTM; all with the same updates. DLinear in closed form and
         the same hour last week (a day, in ETTh1) could win. Three seeds, of the made series too.
Not here Windows of 672, patches of 96; electricity, traffic and weather; the published scales, which differ by method.
"""
from dataclasses import dataclass
from itertools import product

import numpy as np

from reprise.data.series.open import open_series
from reprise.data.series.panel import Panel, Series, Step
from reprise.data.series.protocols import ett
from reprise.data.series.split import Split
from reprise.forecasting.backtest import backtest
from reprise.forecasting.baselines.dlinear import DecompositionLinear
from reprise.forecasting.baselines.seasonal_naive import SeasonalNaive
from reprise.forecasting.training import Budget
from reprise.forecasting.window_loss import next_patch
from reprise.forecasting.windowed import Windowed
from reprise.lab.claims import all_hold, at_most
from reprise.lab.figures import bars
from reprise.models.forecast.patch_forecaster import PatchForecaster, rimer, rimer_lite
from reprise.models.stack import Stack

KEY = ("data", "method", "seed")
TABLE = ("method", "data", "error")
FIGURES = (bars("method", "error", "data", title="Squared error, 96 steps ahead"),
           bars("method", "parameters", where={"data": "made"}, title="Parameters"))

LOOKBACK, HORIZON, PATCH = 192, 96, 24
DAY, WEEK = 24, 168
LOOKS = 6  # at the validation part


@dataclass(frozen=True)
class Config:
    data: tuple[str, ...] = ("made", "ETTh1")
    methods: tuple[str, ...] = ("rimer", "rimer lite", "transformer", "lstm", "dlinear", "seasonal")
    seeds: int = 3
    weeks: int = 50  # of made series: 34 of training, 8 of validation and of the test
    updates: int = 600
    batch: int = 64
    rate: float = 4e-3
    rimer_rate: float = 1e-2  # zero matrices at its start ask for more
    width: int = 48  # of Rimer and of the LSTM
    transformer_width: int = 64
    depth: int = 2


SMOKE = ("data=made", "methods=rimer,transformer,dlinear", "seeds=1", "weeks=20", "updates=2", "batch=4", "width=8",
         "transformer_width=8", "depth=1")


def cells(c: Config):
    for seed, data, method in product(range(c.seeds), c.data, c.methods):
        yield {"data": data, "method": method, "seed": seed}


def measure(c: Config, data: str, method: str, seed: int) -> dict[str, float]:
    split = made(c, seed) if data == "made" else ett(open_series("ETTh1"), HORIZON, LOOKBACK)
    if method in ("dlinear", "seasonal"):
        season = WEEK if data == "made" else DAY
        trained, parameters = DecompositionLinear() if method == "dlinear" else SeasonalNaive(season), 0
        trained.fit(split)
    else:
        rate = c.rimer_rate if method.startswith("rimer") else c.rate
        trained = Windowed(lambda *_: network(c, method), LOOKBACK, Budget(c.updates, looks=LOOKS), batch=c.batch,
                           rate=rate, learns=next_patch, seed=seed).fit(split)
        parameters = sum(p.numel() for p in trained.fitted.module.parameters())
    found = backtest(trained, split)
    return {"error": found.overall["MSE"], "absolute": found.overall["MAE"], "parameters": parameters}


def network(c: Config, method: str) -> PatchForecaster:
    if method == "rimer":
        return rimer(LOOKBACK, HORIZON, PATCH, c.width, c.depth)
    if method == "rimer lite":
        return rimer_lite(LOOKBACK, HORIZON, PATCH, c.width)
    stack = Stack(["lstm"] * c.depth, c.width, None, norm="layer") if method == "lstm" else Stack(
        ["full_attention"] * c.depth, c.transformer_width, "mlp", norm="layer")
    return PatchForecaster(stack, LOOKBACK, HORIZON, PATCH)


def made(c: Config, seed: int) -> Split:
    """Four series on one clock, and origins at every fourth hour of the last 16 weeks."""
    generator, T = np.random.default_rng(seed), c.weeks * WEEK
    hours = np.datetime64("2020-01-06", "ns") + np.arange(T) * np.timedelta64(1, "h")
    series = tuple(Series(f"made {i}", hours, hourly(generator, T), np.ones(T, bool), np.zeros((T, 0)), np.zeros(0))
                   for i in range(4))
    train, valid = T - 16 * WEEK, T - 8 * WEEK
    return Split(Panel("made", series, Step(1, "h"), WEEK), "made", HORIZON, np.full(4, train),
                 (np.arange(train, valid - HORIZON + 1, 4),) * 4, (np.arange(valid, T - HORIZON + 1, 4),) * 4, LOOKBACK)


def hourly(generator: np.random.Generator, T: int) -> np.ndarray:
    """A day of three waves, levels of weekdays, a trend; in each of about a dozen regimes of its size and level."""
    t = np.arange(T)
    waves = generator.normal(size=(2, 3)) / np.array([1, 2, 3])
    turns = 2 * np.pi * np.outer(np.arange(1, 4), np.arange(DAY)) / DAY
    day, week = waves[0] @ np.sin(turns) + waves[1] @ np.cos(turns), generator.normal(size=7)
    regime = np.cumsum(generator.random(T) < 1 / (4 * WEEK))
    size, level = np.exp(0.5 * generator.normal(size=regime[-1] + 1)), generator.normal(size=regime[-1] + 1)
    seasons = size[regime] * (day / day.std())[t % DAY] + 0.5 * week[t // DAY % 7]
    return seasons + level[regime] + 2 * t / T + 0.3 * generator.normal(size=T)


def claims(t):
    def of(method, data, column="error"):
        return t.over_seeds(column, data=data, method=method)

    for data in ("made", "ETTh1"):
        yield all_hold(f"{data}: Rimer's error is not above the transformer's, with no more parameters", [
            at_most("error, a share", of("rimer", data) / of("transformer", data), 1.0),
            at_most("parameters, a share", of("rimer", data, "parameters") / of("transformer", data, "parameters"),
                    1.0)])
        yield all_hold(f"{data}: neither DLinear nor the last season is clearly below it, by more than 5 %", [
            at_most(f"a share of {other}", of("rimer", data) / of(other, data), 1.05)
            for other in ("dlinear", "seasonal")])
