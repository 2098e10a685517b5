"""What models of statsforecast share: one a series, fitted within limits, carried forward with its parameters fixed."""
from __future__ import annotations

import time
import warnings
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64

from reprise.core.errors import check_counts, need
from reprise.data.series.panel import Series
from reprise.data.series.scores import LEVELS
from reprise.data.series.split import Split
from reprise.forecasting.method import Forecast
from reprise.forecasting.skipped import Skipped

__all__ = ["LibraryMethod"]

INTERVALS = (20, 40, 60, 80)  # per cent: the ends of these and the middle are the quantiles of LEVELS
NORMAL = (-1.2816, -0.8416, -0.5244, -0.2533, 0.0, 0.2533, 0.5244, 0.8416, 1.2816)  # the normal distribution's
ENOUGH = 3  # series, before the time of all is foretold


class LibraryMethod(ABC):
    """A model of statsforecast for each series, with its own intervals as quantiles.

    Fitted once, to the last `longest` steps of the training part; from an origin the same parameters are run over all
    that came since (statsforecast's `forward`). Where no series has more than one origin in a part (M4), it is fitted
    anew at the origin. A series that is constant or too short for the model is forecast by its last value; `replaced`
    names those.

    longest: steps; more cost much and say little.   seconds: for fitting, and for forecasting all test origins.
    Raises Skipped where that would take longer, or the protocol limits how far a forecast may look back, which a model
    that carries its state from the start of a series cannot honour; InputError where statsforecast is not installed.
    """

    equivariant: tuple[str, ...] = ()

    def __init__(self, longest: int = 500, seconds: int = 120):
        check_counts(type(self).__name__, longest=longest, seconds=seconds)
        self.longest, self.seconds = longest, seconds

    @abstractmethod
    def build(self, models: Any, season: int) -> Any:
        """The model, from statsforecast's module of models, for series with a season of so many steps (1: none)."""

    def fit(self, split: Split) -> LibraryMethod:
        if split.lookback is not None:
            raise Skipped(f"it carries its state from the start of a series, and the protocol lets a forecast look at "
                          f"{split.lookback} steps")
        self._models = need("statsforecast.models", "series")
        self._season = split.panel.season
        self._once = all(len(places) <= 1 for places in (*split.test, *split.valid))
        self.replaced: list[str] = []
        self._fitted: dict[str, tuple[Any, int]] = {}
        started = time.perf_counter()
        for done, (series, train) in enumerate(zip(split.panel, split.train, strict=True)):
            first = max(int(train) - self.longest, 0)
            self._fitted[series.name] = None if self._once else self._fit(series, first, int(train)), first
            self._in_time("fitting", started, done + 1, len(split.panel))
        self._foretell(split)
        return self

    def forecast(
        self, series: Sequence[Series], origins: Sequence[Int64[np.ndarray, " _"]], horizon: int
    ) -> list[Forecast]:
        return [self._forecast(one, places, horizon) for one, places in zip(series, origins, strict=True)]

    def _forecast(self, series: Series, origins: Int64[np.ndarray, " O"], horizon: int) -> Forecast:
        model, first = self._fitted[series.name]
        rows = np.empty((len(origins), horizon, len(LEVELS)))
        for row, origin in zip(rows, origins, strict=True):
            if self._once:
                first = max(int(origin) - self.longest, 0)
                model = self._fit(series, first, int(origin))
            row[:] = self._ahead(model, series.values[first:origin], horizon)
        return Forecast(rows[..., len(LEVELS) // 2], np.sort(rows, -1), LEVELS)

    def _fit(self, series: Series, first: int, end: int) -> Any:
        """None for what the model cannot be fitted to."""
        past = series.values[first:end]
        if len(past) >= 3 and np.ptp(past):
            model = self.build(self._models, self._season if len(past) > 2 * self._season else 1)
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    return model.fit(past)
            except Exception:  # the library raises nothing narrower for series that are too short or too regular
                pass
        if series.name not in self.replaced:
            self.replaced.append(series.name)
        return None

    def _ahead(self, model: Any, past: Float64[np.ndarray, " T"], horizon: int) -> Float64[np.ndarray, "H Q"]:
        """Without a model, or where its forecast is not finite, those of a random walk."""
        if model is not None:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                found = model.forward(past, h=horizon, level=list(INTERVALS))
            low = [found[f"lo-{share}"] for share in reversed(INTERVALS)]
            high = [found[f"hi-{share}"] for share in INTERVALS]
            quantiles = np.stack([*low, found["mean"], *high], -1)
            if np.isfinite(quantiles).all():
                return quantiles
        spread = np.diff(past).std() if len(past) > 2 else 0.0
        steps = np.sqrt(np.arange(1, horizon + 1))[:, None]
        return past[-1] + spread * steps * np.array(NORMAL)

    def _in_time(self, what: str, started: float, done: int, total: int) -> None:
        """Raises Skipped where all of `total` will not be done in the time allowed."""
        spent = time.perf_counter() - started
        needed = spent / done * total
        if spent > self.seconds or (done >= ENOUGH and needed > 2 * self.seconds):
            raise Skipped(f"{what} would take about {needed:.0f} s, and {self.seconds} are allowed "
                          f"({done} of {total} done in {spent:.0f} s)")

    def _foretell(self, split: Split) -> None:
        """Raises Skipped where the test would take too long: of the middle series one forecast is timed, the second, as
        the first is slower.
        """
        tested = [(series, places) for series, places in zip(split.panel, split.test, strict=True) if len(places)]
        total = sum(len(places) for _, places in tested)
        if not tested:
            return
        series, places = sorted(tested, key=lambda pair: pair[1][-1])[len(tested) // 2]
        train = int(split.train[[s.name for s in split.panel].index(series.name)])
        for _ in range(2):
            started = time.perf_counter()
            self._forecast(series, np.array([train]), split.horizon)
        each = (time.perf_counter() - started) * max(places[-1] / max(train, 1), 1)
        if each * total > self.seconds:
            raise Skipped(f"forecasting from {total} origins would take about {each * total:.0f} s, and {self.seconds} "
                          "are allowed")
