"""An autoregression learned by gradients has the coefficients of least squares, for less as the order grows.

Paper    Triebe et al. 2019, arXiv:1911.12436 (triebe2019arnet)
Claim    One linear map trained on windows finds what least squares does, at a cost that is linear in the order where
         that of least squares is quadratic; with a penalty it finds which few lags there are.
Here     Series of 125,000 values, y_t = 0.2 y_{t-1} + 0.3 y_{t-3} - 0.4 y_{t-10} + noise, the last fifth for the test.
         Orders 10, 100 and 400 by numpy's lstsq, by the map, and by the map with the penalty, told how many lags there
         are. Coefficients are compared by 100 sum |w' - w| / sum (|w'| + |w|). Seconds of the processor, one thread, of
         orders 100 to 800, less those of order 1, the shortest of three runs. Three seeds.
Not here Operational series; orders beyond 400; learning the share of lags; a hidden layer; one-cycle rates.
"""
import time
from dataclasses import dataclass
from itertools import product

import numpy as np

from reprise.data.series.panel import Panel, Series, Step
from reprise.data.series.split import Split
from reprise.forecasting.training import Budget
from reprise.forecasting.window_loss import WindowLoss
from reprise.forecasting.windowed import Windowed
from reprise.lab.claims import all_hold, at_least, at_most, exceeds
from reprise.lab.figures import curve
from reprise.models.forecast.ar_net import ARNet, AutoRegression, coefficient_error, least_squares
from reprise.training.sparsity import Sparse

KEY = ("measured", "method", "order", "seed")
TABLE = ("method", "order", "coefficient_error")
FIGURES = (curve("order", "coefficient_error", "method", log="xy", where={"measured": "coefficients"},
                 title="Distance to the true coefficients, per cent"),
           curve("order", "fit_seconds", "method", log="xy", where={"measured": "coefficients"},
                 title="Seconds of a fit"))

LAGS = {1: 0.2, 3: 0.3, 10: -0.4}
METHODS = ("least squares", "map")
WARM = 500  # steps before a series begins
ZERO = 0.02  # what is below is a lag that is not there


@dataclass(frozen=True)
class Config:
    orders: tuple[int, ...] = (10, 100, 400)
    timed: tuple[int, ...] = (100, 200, 400, 800)
    seeds: int = 3
    points: int = 125_000
    updates: int = 1500
    timed_updates: int = 100
    timed_points: int = 25_000
    repeats: int = 3
    batch: int = 1024
    rate: float = 1e-2


SMOKE = ("orders=10", "timed=10,40", "seeds=1", "points=3000", "updates=20", "timed_updates=3", "timed_points=1000",
         "repeats=1", "batch=64")


def cells(c: Config):
    for seed in range(c.seeds):
        for order, method in product(c.orders, (*METHODS, "sparse map")):
            yield {"measured": "coefficients", "method": method, "order": order, "seed": seed}
        for method in METHODS:
            yield {"measured": "growth", "method": method, "order": max(c.timed), "seed": seed}


def measure(c: Config, measured: str, method: str, order: int, seed: int) -> dict[str, float]:
    if measured == "growth":
        return {"slope": slope(c, method, seed)}
    split, true = simulated(c.points, seed), np.zeros(order)
    for lag, value in LAGS.items():
        true[lag - 1] = value
    began = time.process_time()
    found = fitted(c, method, order, split, c.updates, seed)
    seconds, values, first = time.process_time() - began, split.panel.series[0].values, int(split.test[0][0])
    lags = np.lib.stride_tricks.sliding_window_view(values[first - order : -1], order)[:, ::-1]
    rest = values[first:] - lags @ found.coefficients - found.constant
    missing = np.abs(found.coefficients[true == 0])
    return {"coefficient_error": coefficient_error(found.coefficients, true), "error": float(np.square(rest).mean()),
            "zeroed": float((missing < ZERO).mean()), "fit_seconds": seconds}


def fitted(c: Config, method: str, order: int, split: Split, updates: int, seed: int) -> AutoRegression:
    train = split.panel.series[0].values[: split.train[0]]
    if method == "least squares":
        return least_squares(train, order)
    share = min(len(LAGS) / order, 1.0) if method == "sparse map" else 1.0
    learns = Sparse(WindowLoss(), lambda model: model.map.weight, share)
    method = Windowed(lambda lookback, horizon, _: ARNet(lookback, horizon), order, Budget(updates, patience=None),
                      batch=c.batch, rate=c.rate, learns=learns, seed=seed).fit(split)
    return method.fitted.module.regression(1, train.mean(), train.std())


def simulated(points: int, seed: int) -> Split:
    noise = np.random.default_rng(seed).normal(size=points + WARM)
    values = noise.tolist()
    for t in range(max(LAGS), len(values)):
        values[t] += sum(value * values[t - lag] for lag, value in LAGS.items())
    series = Series("simulated", np.arange(points, dtype=float), np.array(values[WARM:]), np.ones(points, bool),
                    np.zeros((points, 0)), np.zeros(0))
    train, valid = points * 7 // 10, points * 8 // 10
    return Split(Panel("simulated", (series,), Step(1, ""), 1), "simulated", 1, np.array([train]),
                 (np.arange(train, valid),), (np.arange(valid, points),))


def slope(c: Config, method: str, seed: int) -> float:
    """Of log seconds over log order, where seconds are less those of order 1; a line of least squares."""
    split = simulated(c.timed_points, seed)

    def seconds(order: int) -> float:
        times = []
        for _ in range(c.repeats):
            began = time.process_time()
            fitted(c, method, order, split, c.timed_updates, seed)
            times.append(time.process_time() - began)
        return min(times)

    fitted(c, method, 2, split, 2, seed)
    least = seconds(1)
    grown = [max(seconds(order) - least, 1e-6) for order in c.timed]
    return float(np.polyfit(np.log(c.timed), np.log(grown), 1)[0])


def claims(t):
    def of(method, order, column="coefficient_error"):
        return t.over_seeds(column, measured="coefficients", method=method, order=order)

    error = of("map", 10, "error") / of("least squares", 10, "error")
    yield all_hold("of order 10, the map is as near to the truth as least squares to 5 points, and as good to 1 %", [
        exceeds("coefficients", of("least squares", 10), of("map", 10), by=-5),
        at_most("its error, a share", error, 1.01), at_least("and not below", error, 0.99)])
    yield all_hold("time grows as the order to the power 1.2 at most for the map, 1.5 at least for least squares", [
        at_most("the map", t.over_seeds("slope", method="map", measured="growth"), 1.2),
        at_least("least squares", t.over_seeds("slope", method="least squares", measured="growth"), 1.5)])
    yield all_hold("of order 100, coefficients with the penalty are nearer to the truth than either without, and 90 % "
                   "or more of the lags that are not there below 0.02", [
        exceeds("than least squares", of("least squares", 100), of("sparse map", 100), by=0.5),
        exceeds("than the map", of("map", 100), of("sparse map", 100), by=0.5),
        at_least("zeroed", of("sparse map", 100, "zeroed"), 0.9)])
