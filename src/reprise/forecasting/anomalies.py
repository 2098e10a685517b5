"""What a forecaster did not expect: each observation against the forecast made one step before it."""
from typing import TYPE_CHECKING

import numpy as np

from reprise.core.errors import InputError
from reprise.data.series.panel import Panel, Series
from reprise.forecasting.method import Forecast
from reprise.forecasting.recurrent.carried import Carried

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["find_anomalies"]

LOOKED_AT = (0.1, 0.5, 0.9)  # levels
NORMAL = 1.2815515655446004  # deviations from the middle of a normal distribution to its quantile 0.9


def find_anomalies(method: Carried, panel: Panel, threshold: float = 5.0) -> "pd.DataFrame":
    """unique_id, ds, y, expected, score, anomaly of every observation but the first of each series, in order.

        score = |y - median| / (deviation of a normal distribution with the same quantiles 0.1 and 0.9, on y's side)

    A score looks at the past alone, so that a stream would have given the same; values that were filled in have none
    and are left out. threshold: scores from here on are anomalies.
    Raises InputError for a forecaster without these quantiles, and for a threshold that is not above 0.
    """
    import pandas as pd

    if not threshold > 0:
        raise InputError(f"find_anomalies: expected a threshold above 0, got {threshold}; 5 is the usual one")
    origins = [np.arange(1, len(series)) for series in panel]
    parts = [_scored(series, forecast, threshold)
             for series, forecast in zip(panel, method.forecast(panel.series, origins, 1), strict=True)]
    return pd.concat(parts, ignore_index=True)


def _scored(series: Series, forecast: Forecast, threshold: float) -> "pd.DataFrame":
    import pandas as pd

    if forecast.quantiles is None:
        raise InputError("find_anomalies: this forecaster says one number and not how sure it is; fit one with the "
                         "head 'quantiles' or 'student_t'")
    places = [i for i, level in enumerate(forecast.levels) if np.isclose(level, LOOKED_AT).any()]
    if len(places) != len(LOOKED_AT):
        raise InputError(f"find_anomalies: expected quantiles of the levels {LOOKED_AT}, this forecaster has those of "
                         f"{forecast.levels}; fit one with these levels among its own")
    low, middle, high = forecast.quantiles[:, 0, places].T
    y = series.values[1:]
    side = np.where(y < middle, middle - low, high - middle) / NORMAL
    score = np.abs(y - middle) / np.maximum(side, np.finfo(float).tiny)
    seen = series.seen[1:]
    found = pd.DataFrame({"unique_id": series.name, "ds": series.times[1:], "y": y, "expected": middle, "score": score,
                          "anomaly": score >= threshold})
    return found[seen]
