"""The laws of whatever forecasts series: nothing of the future is read, neither to learn nor to forecast.

A method may choose by the validation part, which no law can tell from learning from it: that is on its author's word.
Every check takes a method that is not fitted yet, and a split with test origins; it raises AssertionError where the law
does not hold. `checks()` lists them; `check_method` runs them all. A method has `fit(split)`, which returns it, and
`forecast(series, origins, horizon)`, which gives one (point, quantiles, levels) a series.
"""
import copy
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from reprise.data.series.panel import Series
from reprise.data.series.split import Split

__all__ = ["check_method", "checks"]

SERIES, ORIGINS = 3, 3  # that are looked at: a law that is broken is broken for the first ones
MOVED = {"shift": (1.0, 3.7), "scale": (2.5, 0.0)}  # what series are multiplied by, and what is added, in deviations


def checks() -> list[Callable[[Any, Split], None]]:
    """All laws, in the order they are written."""
    return [v for k, v in globals().items() if k.startswith("check_") and k != "check_method"]


def check_method(method: Any, split: Split) -> None:
    """All laws, each on a copy of the method. Raises AssertionError with the first that does not hold."""
    for check in checks():
        check(copy.deepcopy(method), split)


def check_forecasts_have_their_shape(method, split):
    for point, quantiles, levels in _forecasts(method.fit(split), split):
        assert point.ndim == 2 and point.shape[1] == split.horizon, f"the point forecast has shape {point.shape}"
        assert np.isfinite(point).all(), "a forecast is not finite"
        if quantiles is not None:
            assert quantiles.shape == (*point.shape, len(levels)), f"quantiles of shape {quantiles.shape}"
            assert list(levels) == sorted(levels) and (np.diff(quantiles, axis=-1) >= 0).all(), "quantiles fall"


def check_forecasts_never_read_the_future(method, split):
    method.fit(split)
    for i, origin in _places(split):
        series = split.panel.series[i]
        want = _alone(method, series, origin, split.horizon)
        for poison in (np.nan, 1e6):
            values = series.values.copy()
            values[origin:] = poison
            ended = replace(series, times=series.times[:origin], values=values[:origin], seen=series.seen[:origin])
            for other in (replace(series, values=values), ended):
                _same(_alone(method, other, origin, split.horizon), want,
                      f"the forecast from step {origin} of {series.name!r} depends on what comes after it")


def check_fitting_never_reads_the_test(method, split):
    other = copy.deepcopy(method)
    poisoned = tuple(replace(s, values=np.where(np.arange(len(s)) < (o[0] if len(o) else len(s)), s.values, np.nan))
                     for s, o in zip(split.panel, split.test, strict=True))
    method.fit(split)
    other.fit(replace(split, panel=replace(split.panel, series=poisoned)))
    for mine, theirs in zip(_forecasts(method, split), _forecasts(other, split), strict=True):
        _same(mine, theirs, "what was learned depends on values of the test")


def check_forecasts_keep_to_the_lookback(method, split):
    if split.lookback is None:
        return
    method.fit(split)
    for i, origin in _places(split):
        series = split.panel.series[i]
        values = series.values.copy()
        values[: max(origin - split.lookback, 0)] += 1e3 * (1 + np.abs(values).max())
        _same(_alone(method, replace(series, values=values), origin, split.horizon),
              _alone(method, series, origin, split.horizon),
              f"the forecast from step {origin} of {series.name!r} looks back further than {split.lookback} steps")


def check_forecasts_of_many_are_those_of_one(method, split):
    method.fit(split)
    together = _forecasts(method, split)
    tested = _tested(split)
    for i, origin in _places(split):
        row = list(split.test[i]).index(origin)
        found = together[tested.index(i)]
        one = found[0][row : row + 1], None if found[1] is None else found[1][row : row + 1], found[2]
        _same(_alone(method, split.panel.series[i], origin, split.horizon), one,
              f"the forecast from step {origin} of {split.panel.series[i].name!r} depends on what is asked beside it")


def check_series_are_not_written_to(method, split):
    before = [series.values.copy() for series in split.panel]
    _forecasts(method.fit(split), split)
    for series, values in zip(split.panel, before, strict=True):
        assert np.array_equal(series.values, values, equal_nan=True), f"{series.name!r} was changed"


def check_forecasts_follow_what_they_claim(method, split):
    claimed = getattr(method, "equivariant", ())
    want = _forecasts(copy.deepcopy(method).fit(split), split) if claimed else []
    for name in claimed:
        factor, deviations = MOVED[name]
        moves = [deviations * (1 + series.values.std()) for series in split.panel]
        moved = tuple(replace(s, values=factor * s.values + move) for s, move in zip(split.panel, moves, strict=True))
        other = copy.deepcopy(method).fit(replace(split, panel=replace(split.panel, series=moved)))
        found = other.forecast([moved[i] for i in _tested(split)], [split.test[i] for i in _tested(split)],
                               split.horizon)
        for i, got, first in zip(_tested(split), found, want, strict=True):
            expected = tuple(None if part is None else factor * part + moves[i] for part in first[:2])
            _same(got, (*expected, first[2]), f"the forecasts do not follow a {name} of the series")


def _tested(split: Split) -> list[int]:
    return [i for i, origins in enumerate(split.test) if len(origins)]


def _places(split: Split) -> list[tuple[int, int]]:
    """A few series, and of each the first, a middle and the last origin."""
    return [(i, int(origin)) for i in _tested(split)[:SERIES]
            for origin in dict.fromkeys(split.test[i][np.linspace(0, len(split.test[i]) - 1, ORIGINS).astype(int)])]


def _forecasts(method: Any, split: Split) -> Sequence:
    chosen = _tested(split)
    return method.forecast([split.panel.series[i] for i in chosen], [split.test[i] for i in chosen], split.horizon)


def _alone(method: Any, series: Series, origin: int, horizon: int) -> tuple:
    (found,) = method.forecast([series], [np.array([origin])], horizon)
    return found


def _same(got: Sequence, want: Sequence, otherwise: str) -> None:
    for mine, theirs in zip(got[:2], want[:2], strict=True):
        if (mine is None) != (theirs is None):
            raise AssertionError(otherwise)
        if mine is not None:
            room = 1e-7 * (1 + np.abs(theirs).max())
            assert np.isfinite(mine).all() and np.abs(mine - theirs).max() <= room, otherwise
