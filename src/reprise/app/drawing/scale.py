"""Axes: where a value stands on the picture, and where the ticks go."""
import math
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["SECONDS", "Scale", "linear_ticks", "log_ticks", "spread_out"]

SECONDS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 7200, 18000, 36000, 86400)


@dataclass(frozen=True)
class Scale:
    """Values from `low` to `high` along pixels from `start` to `end`."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        low, high, at = (math.log(x) if self.log else x for x in (self.low, self.high, value))
        return self.start + (at - low) / ((high - low) or 1) * (self.end - self.start)

    def holds(self, value: float) -> bool:
        return self.low <= value <= self.high


def linear_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round values within the range, at most so many.

    >>> linear_ticks(1.9, 2.6)
    [2.0, 2.2, 2.4, 2.6]
    """
    if high <= low:
        return [low]
    rough = (high - low) / most
    unit = 10 ** math.floor(math.log10(rough))
    step = next(unit * times for times in (1, 2, 5, 10) if unit * times >= rough * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(place * step, 10) for place in range(first, last + 1)]


def log_ticks(low: float, high: float, wanted: Sequence[float] | None = None, most: int = 5) -> list[float]:
    """Those of the wanted values (1, 2 and 5 times a power of ten) within the range, thinned evenly to at most so many.

    >>> log_ticks(3, 4000)
    [10, 100, 1000]
    """
    if wanted is None:
        powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        wanted = [10.0**power * times if power < 0 else 10**power * times for power in powers for times in (1, 2, 5)]
        inside = [value for value in wanted if low <= value <= high]
        if len(inside) > most:
            wanted = wanted[::3]
    inside = [value for value in wanted if low <= value <= high]
    return inside[:: math.ceil(len(inside) / most)] if inside else [low]


def spread_out(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Places as near as possible (least squares) to those wanted, at least `gap` apart and, if they fit, within bounds.

    >>> spread_out([10, 11, 50], 10, 0, 100)
    [5.5, 15.5, 50.0]
    """
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    pools: list[list[float]] = []  # sum and count of what must move together
    for rank, index in enumerate(order):
        pools.append([wanted[index] - rank * gap, 1])
        while len(pools) > 1 and pools[-2][0] / pools[-2][1] > pools[-1][0] / pools[-1][1]:
            total, count = pools.pop()
            pools[-1][0] += total
            pools[-1][1] += count
    flat = [total / count for total, count in pools for _ in range(int(count))]
    top = high - (len(wanted) - 1) * gap
    places = [0.0] * len(wanted)
    for rank, index in enumerate(order):
        places[index] = max(low, min(flat[rank], top)) + rank * gap
    return places
