"""What linear maps of a window share: one solution in closed form for all series, a penalty chosen by validation."""
from abc import abstractmethod
from collections.abc import Sequence
from copy import deepcopy
from functools import reduce

import numpy as np
import torch
from jaxtyping import Float64, Int64

from reprise.core.errors import check_counts
from reprise.data.series.panel import Series
from reprise.data.series.split import Split
from reprise.forecasting.baselines._point_method import PointMethod
from reprise.forecasting.baselines._windows import windows_after, windows_before
from reprise.forecasting.skipped import Skipped
from reprise.models.forecast.dlinear import DLinear
from reprise.models.forecast.least_squares import LeastSquares
from reprise.models.forecast.linear_forecaster import LinearForecaster

PENALTIES = (0.01, 0.1, 1.0, 10.0, 100.0)
WITHOUT_CHOICE = 1.0
LEAST = 8  # steps of a window
PIECE = 2**22  # numbers of windows that are held at once
FOLDS = 5  # of the training part: errors of a map are taken where it was not solved from

Linear = LinearForecaster | DLinear


class ClosedForm(PointMethod):
    """One map for all series. Each is divided by the deviation of its training part before windows are taken, so that
    all weigh alike whatever their units, and the penalty means the same for all.

    lookback: steps of the window; the protocol's unless given, else two seasons or two horizons, whichever is longer,
    where half the longest training part allows that. Quantiles are of errors in each fifth of the training part, by a
    map that is solved from the other four.
    """

    bias = True  # whether the map has a constant

    def __init__(self, lookback: int | None = None):
        check_counts(type(self).__name__, lookback=lookback)
        self.window = lookback

    @abstractmethod
    def build(self, lookback: int, horizon: int) -> Linear: ...

    def learn(self, split: Split) -> None:
        self._length = self._window_of(split)
        self._train = {s.name: int(n) for s, n in zip(split.panel, split.train, strict=True)}
        self._centre = {s.name: s.values[:n].mean() if n else 0.0 for s, n in zip(split.panel, split.train)}
        self._scale = {s.name: _deviation(s.values[:n]) for s, n in zip(split.panel, split.train)}
        blank = self.build(self._length, split.horizon).double()
        places = [np.arange(self._length, n - split.horizon + 1) for n in split.train]
        folds = [self._sums(blank, split, [o[self._fold(s, o) == k] for s, o in zip(split.panel, places)])
                 for k in range(FOLDS)]
        trained = reduce(LeastSquares.__add__, folds)
        if not trained.count:
            raise Skipped(f"no training part has a window of {self._length} and {split.horizon} steps after it")
        judged = self._sums(blank, split, split.valid)
        self.penalty = WITHOUT_CHOICE
        if judged.count:
            self.penalty = min(PENALTIES, key=lambda penalty: judged.error(*trained.solve(penalty)))
        self._held_out = [deepcopy(blank).adopt(trained - fold, self.penalty) for fold in folds]
        self._model = blank.adopt(trained, self.penalty)

    def least(self) -> int:
        return self._length

    def point(
        self, series: Series, origins: Int64[np.ndarray, " O"], horizon: int
    ) -> Float64[np.ndarray, "O H"]:
        return self._apply(self._model, series, origins, horizon)

    def rehearse(
        self, series: Series, origins: Int64[np.ndarray, " O"], horizon: int
    ) -> Float64[np.ndarray, "O H"]:
        """By the map that the origin's fifth of the training part was held out from."""
        folds = self._fold(series, origins)
        found = np.empty((len(origins), horizon))
        for k, model in enumerate(self._held_out):
            found[folds == k] = self._apply(model, series, origins[folds == k], horizon)
        return found

    def _apply(
        self, model: Linear, series: Series, origins: Int64[np.ndarray, " O"], horizon: int
    ) -> Float64[np.ndarray, "O H"]:
        if horizon > model.horizon:
            raise Skipped(f"it was fitted for {model.horizon} steps ahead, and is asked for {horizon}")
        scale, centre = self._scale[series.name], self._centre[series.name]
        windows = (windows_before(series.values, origins, self._length) - centre) / scale
        with torch.no_grad():
            return model(torch.from_numpy(windows)[..., None])[:, :horizon, 0].numpy() * scale + centre

    def _fold(self, series: Series, origins: Int64[np.ndarray, " O"]) -> Int64[np.ndarray, " O"]:
        """Fifths of the training part, one after the other."""
        length = max(self._train[series.name] - self._length, 1)
        return np.clip((origins - self._length) * FOLDS // length, 0, FOLDS - 1)

    def _window_of(self, split: Split) -> int:
        """A window is never longer than what the protocol lets a forecast look at."""
        if split.lookback is not None:
            return min(self.window or split.lookback, split.lookback)
        room = (int(split.train.max()) - split.horizon) // 2
        return self.window or max(min(max(2 * split.panel.season, 2 * split.horizon, LEAST), room), 1)

    def _sums(self, model: Linear, split: Split, origins: Sequence[Int64[np.ndarray, " _"]]) -> LeastSquares:
        inputs = sum(p.shape[1] for p in model.parameters() if p.ndim == 2)
        sums = LeastSquares(inputs, split.horizon, bias=self.bias)
        rows = max(PIECE // (self._length + split.horizon), 1)
        for series, places in zip(split.panel, origins, strict=True):
            values = (series.values - self._centre[series.name]) / self._scale[series.name]
            for first in range(0, len(places), rows):
                piece = places[first : first + rows]
                x, y = windows_before(values, piece, self._length), windows_after(values, piece, split.horizon)
                model.gather(sums, torch.from_numpy(x)[..., None], torch.from_numpy(y)[..., None])
        return sums


def _deviation(values: Float64[np.ndarray, " T"]) -> float:
    return float(values.std()) if len(values) and np.ptp(values) else 1.0
