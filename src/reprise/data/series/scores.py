"""How good forecasts are: errors step by step, and the scores that are their means, in float64 whatever comes in."""
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Float64

__all__ = [
    "LEVELS", "absolute_error", "central_levels", "coverage", "crps", "mae", "mase", "mse", "nd", "owa",
    "quantile_loss", "rmse", "seasonal_scale", "smape", "squared_error", "symmetric_error", "weighted_quantile_loss",
]

ROUNDING = 1e-12
LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)  # of the quantiles that methods give unless asked for others


def absolute_error(y: Float[np.ndarray, "*S"], forecast: Float[np.ndarray, "*S"]) -> Float64[np.ndarray, "*S"]:
    """|y - forecast|, step by step."""
    return np.abs(_difference(y, forecast))


def squared_error(y: Float[np.ndarray, "*S"], forecast: Float[np.ndarray, "*S"]) -> Float64[np.ndarray, "*S"]:
    """(y - forecast)^2, step by step."""
    return np.square(_difference(y, forecast))


def symmetric_error(y: Float[np.ndarray, "*S"], forecast: Float[np.ndarray, "*S"]) -> Float64[np.ndarray, "*S"]:
    """200 |y - forecast| / (|y| + |forecast|), step by step, from 0 to 200; 0 where both are 0."""
    size = np.abs(y, dtype=np.float64) + np.abs(forecast, dtype=np.float64)
    return 200 * absolute_error(y, forecast) / np.where(size > 0, size, 1)


def quantile_loss(
    y: Float[np.ndarray, "*S"], quantiles: Float[np.ndarray, "*S Q"], levels: Sequence[float]
) -> Float64[np.ndarray, "*S Q"]:
    """2 |y - q| times the level where y is above its quantile q, else times one less the level; step by step.

    Twice the pinball loss, so that the loss of the median is the absolute error.
    """
    level = np.asarray(levels, np.float64)
    above = _difference(y[..., None], quantiles)
    return 2 * (level * above - np.minimum(above, 0))


def seasonal_scale(values: Float[np.ndarray, " T"], season: int) -> float:
    """The mean absolute error of repeating the last season, one step ahead, over `values`: what MASE divides by.

    0 for a series that repeats itself (constant, say) to rounding; of a series no longer than its season, the steps of
    1; NaN for fewer than two values.
    """
    values = np.asarray(values, np.float64)
    lag = season if len(values) > season else 1
    if len(values) <= lag:
        return float("nan")
    scale = float(np.abs(values[lag:] - values[:-lag]).mean())
    return scale if scale > ROUNDING * np.abs(values).max() else 0.0


def mae(y: np.ndarray, forecast: np.ndarray) -> float:
    """The mean absolute error."""
    return float(absolute_error(y, forecast).mean())


def mse(y: np.ndarray, forecast: np.ndarray) -> float:
    """The mean squared error."""
    return float(squared_error(y, forecast).mean())


def rmse(y: np.ndarray, forecast: np.ndarray) -> float:
    """The root of the mean squared error."""
    return float(np.sqrt(mse(y, forecast)))


def smape(y: np.ndarray, forecast: np.ndarray) -> float:
    """The mean symmetric percentage error, from 0 to 200, as M4 has it."""
    return float(symmetric_error(y, forecast).mean())


def nd(y: np.ndarray, forecast: np.ndarray) -> float:
    """Normalised deviation: the sum of absolute errors over the sum of |y|; NaN where all y are 0."""
    return _ratio(absolute_error(y, forecast).sum(), np.abs(y, dtype=np.float64).sum())


def mase(y: Float[np.ndarray, "N H"], forecast: Float[np.ndarray, "N H"], scale: Float[np.ndarray, " N"]) -> float:
    """The mean over series of their mean absolute errors, each over its `seasonal_scale`.

    Series whose scale is 0 or NaN (constant, or too short) have none and are left out; NaN where no series is left.
    Source  Hyndman & Koehler 2006, doi:10.1016/j.ijforecast.2006.03.001
    """
    scale = np.asarray(scale, np.float64)
    kept = scale > 0
    return float((absolute_error(y, forecast)[kept].mean(1) / scale[kept]).mean()) if kept.any() else float("nan")


def weighted_quantile_loss(y: np.ndarray, quantiles: np.ndarray, levels: Sequence[float]) -> float:
    """The sum of `quantile_loss` over the sum of |y|, meant over levels: GluonTS's; NaN where all y are 0."""
    return _ratio(quantile_loss(y, quantiles, levels).sum() / len(levels), np.abs(y, dtype=np.float64).sum())


def crps(y: np.ndarray, quantiles: np.ndarray, levels: Sequence[float]) -> float:
    """The continuous ranked probability score, in the units of y, from quantiles: the mean `quantile_loss`.

    Exact for evenly spaced levels that grow without end; for nine it lacks the tails.
    """
    return float(quantile_loss(y, quantiles, levels).mean())


def central_levels(levels: Sequence[float]) -> dict[float, tuple[int, int]]:
    """Central intervals, by how much they should cover, widest first: which quantiles are their ends."""
    places = {round(level, 9): i for i, level in enumerate(levels)}
    return {round(1 - 2 * low, 9): (i, places[round(1 - low, 9)])
            for low, i in sorted(places.items()) if low < 0.5 and round(1 - low, 9) in places}


def coverage(y: Float[np.ndarray, "*S"], quantiles: Float[np.ndarray, "*S Q"],
             levels: Sequence[float]) -> dict[float, float]:
    """Of each central interval, by how much it should cover, the part of y that is in it, ends included."""
    return {share: float(((quantiles[..., low] <= y) & (y <= quantiles[..., high])).mean())
            for share, (low, high) in central_levels(levels).items()}


def owa(smape: float, mase: float, naive_smape: float, naive_mase: float) -> float:
    """The overall weighted average of M4: the mean of sMAPE and MASE, each over Naive2's; 1 is as good as Naive2.

    Source  Makridakis et al. 2020, doi:10.1016/j.ijforecast.2019.04.014
    """
    return (_ratio(smape, naive_smape) + _ratio(mase, naive_mase)) / 2


def _difference(y: np.ndarray, forecast: np.ndarray) -> np.ndarray:
    return np.subtract(y, forecast, dtype=np.float64)


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole else float("nan")
