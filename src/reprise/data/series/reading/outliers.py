"""Values so far from the others of their series that they may stand for something else: -9999, or a slip."""
from collections.abc import Sequence

import numpy as np

from reprise.data.series.panel import Series
from reprise.data.series.reading.rows import stamp

__all__ = ["far_off"]

CODES = (-9999.0, -999.0, -99999.0, 9999.0, 99999.0, 999999.0)  # what files write where a value is missing
FAR = 5.0  # spreads of the others (but for the outermost) from their median, for a code to be one
SLIP = 1e4  # times the size of nearly all others
FEW = 20  # values that must be there to speak of others


def far_off(series: Sequence[Series]) -> list[str]:
    """A clause on each kind that is found; nothing is changed."""
    codes, slips = [], []
    for one in series:
        if len(one) < FEW:
            continue
        low, high = one.values.min(), one.values.max()
        if np.abs([low, high]).max() < 999:
            continue
        code = next((c for c in CODES if c in (low, high) and _apart(one.values, c)), None)
        if code is not None:
            codes.append((one, code))
        elif max(-low, high) > SLIP * np.quantile(np.abs(one.values), 0.9) > 0:
            slips.append((one, low if -low > high else high))
    return [f"{what} (first: {found[0][0].name}, {stamp(_time(*found[0]))}, {found[0][1]:g})" for found, what in (
        (codes, f"{_some(codes)} numbers that often stand for missing values; leave them empty if they do"),
        (slips, f"{_some(slips)} a value ten thousand times the size of the others")) if found]


def _apart(values: np.ndarray, code: float) -> bool:
    """Whether a code is far from all values beside it."""
    others = values[values != code]
    if not len(others):
        return False
    low, middle, high = np.quantile(others, (0.02, 0.5, 0.98))
    return bool(abs(code - middle) > FAR * (high - low) > 0)


def _some(found: list[tuple[Series, float]]) -> str:
    return f"{len(found):,} series {'has' if len(found) == 1 else 'have'}"


def _time(one: Series, value: float) -> np.generic:
    return one.times[int(np.argmax(one.values == value))]
