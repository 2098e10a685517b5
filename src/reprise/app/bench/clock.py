"""Times of things that take turns, so that a machine's moods meet them all; and what the machine can do at most."""
import statistics
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch

__all__ = ["Limits", "Timing", "limits", "take_turns"]

ROUNDS = 7  # at least
SAMPLE = 0.02  # seconds that one look at the clock should be worth
LONG = 5.0  # seconds: a call that takes longer is made once, and rounds end that took as long in all


class Timing(NamedTuple):
    seconds: float  # the median
    spread: float  # half the range of the middle half of all rounds, as a share of the median


class Limits(NamedTuple):
    """The best this machine did in a copy and in a product of matrices, with the threads it may use."""

    bytes_per_second: float
    flops_per_second: float

    def seconds(self, moved: int, flops: int) -> float:
        return max(moved / self.bytes_per_second, flops / self.flops_per_second)


def take_turns(ways: Mapping[str, Callable[[], object]], seconds: float) -> dict[str, Timing]:
    """Each way's time, all measured in turns for about so many seconds each.

    The first call, which may compile, does not count, unless it takes so long that it is the only one.
    """
    first = {name: _timed(way, 1) for name, way in ways.items()}
    repeats = {name: _repeats(way) for name, way in ways.items() if first[name] < LONG}
    times: dict[str, list[float]] = {name: [] if name in repeats else [first[name]] for name in ways}
    spent = dict.fromkeys(repeats, 0.0)
    while waiting := [name for name in repeats if _wants_more(len(times[name]), spent[name], seconds)]:
        for name in waiting:
            taken = _timed(ways[name], repeats[name])
            spent[name] += taken
            times[name].append(taken / repeats[name])
    return {name: _summary(found) for name, found in times.items()}


def _wants_more(rounds: int, spent: float, seconds: float) -> bool:
    return spent < seconds or (rounds < ROUNDS and spent < LONG)


def _repeats(way: Callable[[], object]) -> int:
    """How often at a stretch."""
    return max(1, round(SAMPLE / max(_timed(way, 1), 1e-7)))


def _timed(way: Callable[[], object], repeats: int) -> float:
    began = time.perf_counter()
    for _ in range(repeats):
        way()
    return time.perf_counter() - began


def _summary(found: list[float]) -> Timing:
    middle = statistics.median(found)
    if len(found) < 4:
        return Timing(middle, (max(found) - min(found)) / 2 / middle)
    low, _, high = statistics.quantiles(found, n=4)
    return Timing(middle, (high - low) / 2 / middle)


def limits() -> Limits:
    """Measured now: 64 MiB copied, and matrices of 1,024 by 1,024 multiplied, in float32."""
    source, target = torch.ones(1 << 24), torch.empty(1 << 24)
    a, b, out = torch.ones(1024, 1024), torch.ones(1024, 1024), torch.empty(1024, 1024)
    ways = {"copy": lambda: target.copy_(source), "product": lambda: torch.mm(a, b, out=out)}
    for way in ways.values():
        way()
    best = {name: min(_timed(way, 1) for _ in range(12)) for name, way in ways.items()}
    return Limits(2 * source.nbytes / best["copy"], 2 * 1024**3 / best["product"])
