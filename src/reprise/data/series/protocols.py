"""Protocols make splits: rolling origins for any series, and those of two competitions of forecasters, ETT and M4."""
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from reprise.core.errors import InputError, check_counts
from reprise.data.series.panel import SECONDS, Panel, Series
from reprise.data.series.split import Split

__all__ = ["ett", "m4", "rolling", "whole"]

MONTH = 30 * 86400  # seconds
PARTS = (12, 16, 20)  # months: the ends of training, validation and test
TESTED = 5  # one step of so many is in the test, unless asked otherwise
MOST = 100  # windows, unless asked otherwise
M4 = {"Y": (6, 1), "Q": (8, 4), "M": (18, 12), "W": (13, 1), "D": (14, 1), "h": (48, 24)}  # horizon, season


def rolling(
    panel: Panel, horizon: int | None = None, *, windows: int | None = None, stride: int | None = None,
    lookback: int | None = None,
) -> Split:
    """The last `windows` windows of each series are its test, as many before them its validation, the rest training.

    horizon: steps ahead; a season where that is at most a tenth of the middle series, else that tenth, at least 1.
    windows: so many that a fifth of a series is in the test, of one that is longer than a tenth of all; 1 to 100.
    stride: from window to window; `horizon`, so that they do not overlap. No target of a test window is in a
    validation window or in the training part, and none of a validation window is in the training part. A series that
    would have fewer steps to train on than two horizons has no origins; it is cut as the others are, and the panel's
    notes say so.

    Raises InputError where no series is long enough.
    """
    check_counts("rolling", horizon=horizon, windows=windows, stride=stride, lookback=lookback)
    lengths = np.array([len(series) for series in panel], np.int64)
    if not len(lengths):
        raise InputError("rolling: expected a panel with a series or more, got none")
    horizon = horizon or usual_horizon(panel)
    stride = stride or horizon
    rather_short = int(np.quantile(lengths, 0.1))
    windows = windows or min(max((rather_short // TESTED - horizon) // stride + 1, 1), MOST)
    span = horizon + stride * (windows - 1)
    needed = 2 * span + 2 * horizon
    kept = lengths >= needed
    if not kept.any():
        raise InputError(f"rolling: expected a series of {needed} steps or more ({windows} windows of {horizon} to "
                         f"test on, as many for validation, and {2 * horizon} to train on), got at most "
                         f"{lengths.max()}; ask for fewer windows or a shorter horizon")
    steps = np.arange(windows) * stride
    none = np.zeros(0, np.int64)
    test = tuple(T - span + steps if long else none for T, long in zip(lengths, kept, strict=True))
    valid = tuple(T - 2 * span + steps if long else none for T, long in zip(lengths, kept, strict=True))
    note = (f"tested on the last {_count(windows, 'window')} of {_count(horizon, 'step')} of each series, validated on "
            f"as many before them")
    short = _too_short(panel.series, kept, needed)
    return Split(replace(panel, notes=(*panel.notes, note, *short)), "rolling", horizon,
                 np.maximum(lengths - 2 * span, 0), valid, test, lookback)


def whole(panel: Panel, horizon: int | None = None) -> Split:
    """Everything is learned from but the last windows of each series, by which weights are chosen; nothing is tested.

    horizon: as in `rolling`. A tenth of a series is for validation, at most 20 windows; of one too short for that none.
    Raises InputError where no series has a horizon to learn from after the first step.
    """
    check_counts("whole", horizon=horizon)
    lengths = np.array([len(series) for series in panel], np.int64)
    horizon = horizon or usual_horizon(panel)
    if not len(lengths) or lengths.max() <= horizon:
        raise InputError(f"whole: expected a series of more than {horizon} steps, got at most "
                         f"{lengths.max(initial=0)}; ask for a shorter horizon")
    windows = np.clip(lengths // 10 // horizon, 1, 20) * (lengths >= 4 * horizon)
    valid = tuple(T - horizon * np.arange(W, 0, -1) for T, W in zip(lengths, windows, strict=True))
    return Split(panel, "whole", horizon, lengths - horizon * windows, valid, (np.zeros(0, np.int64),) * len(lengths))


def usual_horizon(panel: Panel) -> int:
    """A season, where that is at most a tenth of the middle series; else that tenth, at least 1."""
    return max(min(panel.season, int(np.median([len(series) for series in panel])) // 10), 1)


def ett(panel: Panel, horizon: int = 96, lookback: int | None = 96) -> Split:
    """By rows: twelve months of 30 days to train on, four for validation, four for the test; what follows is dropped.

    Values are standardised, each series by the mean and population deviation of its training rows, and stay so. Every
    window of the validation and the test counts, stride 1; the first ones look back into the part before.

    Source  Zhou et al. 2021, arXiv:2012.07436, with the parts of its code; the last windows, which it drops, are kept
    Raises InputError for series whose step is no part of a day, or that are shorter than twenty months.
    """
    check_counts("ett", horizon=horizon, lookback=lookback)
    if panel.step is None or panel.step.unit not in SECONDS or MONTH % (
            seconds := panel.step.count * SECONDS[panel.step.unit]):
        raise InputError(f"ett: expected series whose step is a part of 30 days, got {panel.step or 'irregular'} ones; "
                         "use the rolling protocol")
    train, valid, end = (months * MONTH // seconds for months in PARTS)
    shortest = min(panel, key=len)
    if len(shortest) < end or horizon > valid - train or (lookback or 0) > train:
        raise InputError(f"ett: expected {end} steps (twenty months) or more, a horizon of at most {valid - train} and "
                         f"a lookback of at most {train}, got {len(shortest)} steps in {shortest.name!r}, a horizon of "
                         f"{horizon} and a lookback of {lookback}; use the rolling protocol")
    N = len(panel)
    note = "standardised by the training part (12 months of 30 days, then 4 for validation, 4 for the test)"
    scaled = replace(panel, series=tuple(_standardised(s, train, end) for s in panel), notes=(*panel.notes, note))
    return Split(scaled, "ett", horizon, np.full(N, train), (np.arange(train, valid - horizon + 1),) * N,
                 (np.arange(valid, end - horizon + 1),) * N, lookback, scaled=True)


def m4(panel: Panel) -> Split:
    """One origin a series, a horizon before its end: 6 steps for yearly series, 8 quarterly, 18 monthly, 13 weekly, 14
    daily, 48 hourly. The horizon before that is for validation where a series has four or more, else for training.

    The panel's season becomes the competition's: 12 by the month, 4 by the quarter, 24 by the hour, else 1. Sets of
    competitions, whose series have no dates, say their own: `official` steps, and their season.

    Source  Makridakis et al. 2020, doi:10.1016/j.ijforecast.2019.04.014
    Differs training ends a horizon earlier, for methods that choose by validation; methods may fit again at the origin
    Raises InputError for series with another step, and where none is longer than its horizon.
    """
    if panel.official is None and (panel.step is None or panel.step.count != 1 or panel.step.unit not in M4):
        raise InputError(f"m4: expected yearly, quarterly, monthly, weekly, daily or hourly series, got "
                         f"{panel.step or 'irregular'} ones; use the rolling protocol")
    horizon, season = M4[panel.step.unit] if panel.official is None else (panel.official, panel.season)
    lengths = np.array([len(series) for series in panel], np.int64)
    kept = lengths > horizon + 1
    if not kept.any():
        raise InputError(f"m4: expected a series of {horizon + 2} steps or more, got at most {lengths.max(initial=0)}")
    chosen = lengths >= 4 * horizon
    note = (f"tested on the last {horizon} steps of each series, from one origin; season {season}, as the competition "
            "has it")
    split = replace(panel, season=season, notes=(*panel.notes, note, *_too_short(panel.series, kept, horizon + 2)))
    train = np.maximum(lengths - horizon * (1 + chosen), 0)
    return Split(split, "m4", horizon, train,
                 tuple(np.array([T - 2 * horizon] if long else [], np.int64) for T, long in zip(lengths, chosen)),
                 tuple(np.array([T - horizon] if long else [], np.int64) for T, long in zip(lengths, kept)))


def _standardised(series: Series, train: int, end: int) -> Series:
    seen = series.values[:train]
    deviation = seen.std() if np.ptp(seen) else 1.0  # a constant series is only shifted
    return replace(series, times=series.times[:end], values=(series.values[:end] - seen.mean()) / deviation,
                   seen=series.seen[:end], known=series.known[:end])


def _too_short(series: Sequence[Series], kept: np.ndarray, needed: int) -> list[str]:
    """A sentence about the series that are left out, where there are any."""
    short = [s.name for s, long in zip(series, kept, strict=True) if not long]
    if not short:
        return []
    names = ", ".join(short[:5]) + (", ..." if len(short) > 5 else "")
    return [f"{len(short)} of {len(series)} series are left out of the test, shorter than {needed} steps: {names}"]


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("s" if number != 1 else "")
