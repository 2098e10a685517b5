"""A fitted method is asked from every origin of a split, like every other, and scored."""
from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float64, Int64
from numpy.lib.stride_tricks import sliding_window_view

from reprise.core.errors import InputError
from reprise.data.series.panel import Series
from reprise.data.series.scores import LEVELS, central_levels, owa, seasonal_scale
from reprise.data.series.split import Split
from reprise.forecasting.baselines.naive2 import Naive2
from reprise.forecasting.method import Forecast, Method
from reprise.forecasting.tally import Tally, count_up

__all__ = ["Backtest", "Example", "backtest"]

NUMBERS = 2**22  # forecast at once: 32 MiB
HISTORY = 4  # horizons of it that an example shows, or two seasons


class Example(NamedTuple):
    """One forecast to look at: what came before (P), what came (H), what was forecast from its last origin."""

    series: str
    rank: Literal["best", "median", "worst"]
    origin: int
    history: Float64[np.ndarray, " P"]
    truth: Float64[np.ndarray, " H"]
    point: Float64[np.ndarray, " H"]
    quantiles: Float64[np.ndarray, "H Q"] | None


@dataclass(frozen=True, eq=False)
class Backtest:
    """What a method's forecasts are worth; N series were tested, each from its own origins.

    overall, by_horizon (H numbers), by_series (N numbers): scores by name: MAE, MSE, RMSE, MASE, sMAPE, ND and, where
    there are quantiles, WQL and CRPS; under M4's protocol OWA overall. A score is the mean over series of its mean over
    origins, except that RMSE is the root of the mean MSE, and ND and WQL are sums over all series over sums over all.
    MASE divides by the seasonal error before the first origin of the part; a series that has none (a constant) has NaN
    and is left out of the mean. Values that were filled in are not scored.
    calibration: of each level, the part of true values at or below its quantile.   coverage: of central intervals, by
    how much they should cover.   seconds: of forecasting alone.
    """

    protocol: str
    part: str
    series: tuple[str, ...]
    origins: int
    horizon: int
    overall: dict[str, float]
    by_horizon: dict[str, Float64[np.ndarray, " H"]]
    by_series: dict[str, Float64[np.ndarray, " N"]]
    levels: tuple[float, ...]
    calibration: Float64[np.ndarray, " Q"]
    coverage: dict[float, float]
    examples: tuple[Example, ...]
    seconds: float
    notes: tuple[str, ...]


def backtest(method: Method, split: Split, part: Literal["valid", "test"] = "test") -> Backtest:
    """Forecasts from all origins of one part, a bounded number at a time.

    method: fitted to `split`.
    Raises InputError for a part without origins, and for forecasts that are not finite or have another shape.
    """
    pairs = [(series, places) for series, places in zip(split.panel, _origins(split, part), strict=True) if len(places)]
    if not pairs:
        raise InputError(f"backtest: expected a split with origins in its {part} part, the {split.protocol} protocol "
                         "gave none; take longer series or a shorter horizon")
    tally, levels, seconds = _run(method, pairs, split.horizon)
    season = split.panel.season
    scale = np.array([seasonal_scale(series.values[: places[0]], season) for series, places in pairs])
    total = tally.over_horizon()
    single = total.scores(scale)
    overall = {name: float(value[0]) for name, value in total.means(scale).items()}
    if split.protocol == "m4":
        naive = _naive(split, pairs).over_horizon().means(scale)
        overall["OWA"] = owa(overall["sMAPE"], overall["MASE"], float(naive["sMAPE"][0]), float(naive["MASE"][0]))
    below, inside = total.calibration()
    rank = single["MSE" if split.scaled else "MASE"][:, 0]
    return Backtest(
        protocol=split.protocol, part=part, series=tuple(series.name for series, _ in pairs),
        origins=sum(len(places) for _, places in pairs), horizon=split.horizon, overall=overall,
        by_horizon=tally.means(scale), by_series={name: value[:, 0] for name, value in single.items()}, levels=levels,
        calibration=below, coverage=dict(zip(central_levels(levels), inside.tolist(), strict=True)),
        examples=tuple(_examples(method, pairs, rank, split)), seconds=seconds, notes=tuple(_notes(pairs, scale)))


def _origins(split: Split, part: str) -> tuple[Int64[np.ndarray, " O"], ...]:
    if part not in ("valid", "test"):
        raise InputError(f"backtest: expected the part valid or test, got {part!r}")
    return split.test if part == "test" else split.valid


def _run(method: Method, pairs: list, horizon: int) -> tuple[Tally, tuple[float, ...], float]:
    """The sums over origins, the levels of the quantiles there are, and the seconds that forecasting took."""
    rows: list[Tally | None] = [None] * len(pairs)
    levels, seconds = (), 0.0
    batches = _rectangles if _reads_together(method) else _batches
    for batch in batches(pairs, max(NUMBERS // (horizon * (1 + len(LEVELS))), 1)):
        chosen = [pairs[i][0] for i, _ in batch]
        started = time.perf_counter()
        found = method.forecast(chosen, [places for _, places in batch], horizon)
        seconds += time.perf_counter() - started
        if len(found) != len(batch):
            raise InputError(f"backtest: expected one forecast for each of {len(batch)} series, got {len(found)}")
        for (i, places), forecast in zip(batch, found, strict=True):
            _check(forecast, pairs[i][0], places, horizon)
            levels = forecast.levels
            counted = _counted(pairs[i][0], places, forecast)
            rows[i] = counted if rows[i] is None else rows[i] + counted
    return Tally.stack(rows), levels, seconds


def _naive(split: Split, pairs: list) -> Tally:
    """The errors of Naive2's points."""
    method = Naive2()
    method.learn(split)
    return Tally.stack([_counted(series, places, Forecast(method.point(series, places, split.horizon)))
                        for series, places in pairs])


def _counted(series: Series, origins: Int64[np.ndarray, " O"], forecast: Forecast) -> Tally:
    horizon = forecast.point.shape[1]
    return count_up(sliding_window_view(series.values, horizon)[origins],
                    sliding_window_view(series.seen, horizon)[origins], forecast)


def _batches(pairs: list, most: int) -> Iterator[list[tuple[int, Int64[np.ndarray, " O"]]]]:
    """Of which series, which origins, in order; together `most`, but the last ones."""
    batch, room = [], most
    for i, (_, places) in enumerate(pairs):
        first = 0
        while first < len(places):
            taken = places[first : first + room]
            batch.append((i, taken))
            first, room = first + len(taken), room - len(taken)
            if not room:
                yield batch
                batch, room = [], most
    if batch:
        yield batch


def _rectangles(pairs: list, most: int) -> Iterator[list[tuple[int, Int64[np.ndarray, " O"]]]]:
    """The same, of all series at once: whether their origins are the same is for the method to say."""
    size = max(most // len(pairs), 1)
    for first in range(0, max(len(places) for _, places in pairs), size):
        yield [(i, places[first : first + size]) for i, (_, places) in enumerate(pairs)]


def _reads_together(method: Method) -> bool:
    return getattr(method, "together", False)


def _check(forecast: Forecast, series: Series, origins: Int64[np.ndarray, " O"], horizon: int) -> None:
    shape = (len(origins), horizon)
    if forecast.point.shape != shape or (
            forecast.quantiles is not None and forecast.quantiles.shape != (*shape, len(forecast.levels))):
        raise InputError(f"backtest: expected forecasts of shape {shape} for {series.name!r}, with a quantile for each "
                         f"of {len(forecast.levels)} levels or none, got {forecast.point.shape}")
    finite = np.isfinite(forecast.point).all(1)
    if forecast.quantiles is not None:
        finite &= np.isfinite(forecast.quantiles).all((1, 2))
    if not finite.all():
        raise InputError(f"backtest: expected finite forecasts, got one of {series.name!r} from step "
                         f"{origins[finite.argmin()]} that is not; look at the values before it, or choose another "
                         "method")


def _examples(method: Method, pairs: list, rank: Float64[np.ndarray, " N"], split: Split) -> Iterator[Example]:
    """Of the series with the least, the middle and the largest error; each from its last origin."""
    order = np.argsort(rank)[: np.isfinite(rank).sum()]  # a series without the score is no example
    last = len(order) - 1
    for place, label in sorted({last // 2: "median", last: "worst", 0: "best"}.items() if len(order) else ()):
        series, places = pairs[order[place]]
        origin = int(places[-1])
        asked = pairs if _reads_together(method) else [(series, places)]
        told = method.forecast([one for one, _ in asked], [last[-1:] for _, last in asked], split.horizon)
        found = told[order[place]] if _reads_together(method) else told[0]
        start = max(origin - max(HISTORY * split.horizon, 2 * split.panel.season), 0)
        yield Example(series.name, label, origin, series.values[start:origin],
                      series.values[origin : origin + split.horizon], found.point[0],
                      None if found.quantiles is None else found.quantiles[0])


def _notes(pairs: Sequence, scale: Float64[np.ndarray, " N"]) -> Iterator[str]:
    without = [series.name for (series, _), s in zip(pairs, scale, strict=True) if not s > 0]
    if without:
        names = ", ".join(without[:5]) + (", ..." if len(without) > 5 else "")
        yield (f"{len(without)} of {len(pairs)} series repeat themselves before the first origin and have no MASE: "
               f"{names}")
