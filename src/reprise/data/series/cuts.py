"""Windows cut out of many series: first a series is drawn, then where it is cut, so that long ones do not outweigh."""
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from jaxtyping import Float64

from reprise.core.errors import InputError, check_counts
from reprise.data.labelled import Labelled

__all__ = ["cuts", "last_cuts"]

Values = Float64[np.ndarray, " T"]


def cuts(
    series: Sequence[Values], lookback: int, horizon: int, *, batch: int, seed: int, recent: int | None = None,
) -> Iterator[Labelled]:
    """Endless batches of windows x (B L 1) and what follows them, y (B H 1), with how many values of x are real.

    Series are drawn evenly, then a cut, evenly among the last `recent` that leave a value before and `horizon` after it
    (None: all). A window that reaches back before its series is zero there.
    Raises InputError for no series, and for one too short to be cut.
    """
    check_counts("cuts", lookback=lookback, horizon=horizon, batch=batch, recent=recent)
    shortest = min(map(len, series), default=0)
    if shortest <= horizon:
        raise InputError(f"cuts: expected series of more than {horizon} values, one or more of them, got "
                         f"{len(series)}, the shortest of {shortest}; leave out what is shorter")
    return _endless(series, lookback, horizon, batch, recent, np.random.default_rng(seed))


def last_cuts(series: Sequence[Values], lookback: int, horizon: int) -> Labelled:
    """One cut of each series: y are its last `horizon` values. Raises InputError as `cuts`."""
    cuts(series, lookback, horizon, batch=1, seed=0)
    return _windows(series, [len(s) - horizon for s in series], lookback, horizon)


def _endless(series, lookback: int, horizon: int, batch: int, recent: int | None, random) -> Iterator[Labelled]:
    while True:
        drawn = [series[i] for i in random.integers(len(series), size=batch)]
        last = np.array([len(s) - horizon for s in drawn])
        first = np.maximum(last - recent + 1, 1) if recent else np.ones_like(last)
        yield _windows(drawn, random.integers(first, last, endpoint=True), lookback, horizon)


def _windows(series: Sequence[Values], origins: Sequence[int], lookback: int, horizon: int) -> Labelled:
    x, y = np.zeros((len(series), lookback, 1), np.float32), np.empty((len(series), horizon, 1), np.float32)
    for row, (values, origin) in enumerate(zip(series, origins)):
        seen = values[max(origin - lookback, 0) : origin]
        x[row, lookback - len(seen) :, 0], y[row, :, 0] = seen, values[origin : origin + horizon]
    lengths = torch.tensor([min(int(origin), lookback) for origin in origins])
    return Labelled(torch.from_numpy(x), torch.from_numpy(y), lengths)
