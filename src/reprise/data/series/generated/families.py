"""Series made to order: families of trend, season, noise with a memory and shifts of level, drawn from a seed."""
from dataclasses import dataclass
from math import pi
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64

from reprise.core.errors import InputError, check_counts

__all__ = ["Family", "Generated"]

Range = tuple[float, float]
LEAST = 0.05  # of the level: series stay above, so that errors in per cent mean something


class Generated(NamedTuple):
    """One series, oldest value first, and how many steps its season has, which need be no whole number."""

    values: Float64[np.ndarray, " T"]
    period: float


@dataclass(frozen=True)
class Family:
    """Where the series of a family lie; every range is of one uniform draw a series.

        y_t = level max(0.05, 1 + trend t / 100 + season s(t / period) + e_t + shifts);   e_t = memory e_{t-1} + noise
        multiplicative:  level max(0.05, (1 + trend t / 100 + shifts) (1 + season s) + e_t)

    s is a random curve of up to three waves and variance one, the sizes of its values raised to the power `shape`;
    e begins stationary and has the deviation `noise`, whatever its memory (below 0, it alternates). `drift`: deviation
    of the steps of a random walk added to the trend.   shifts: how many are expected in 100 steps, of deviation 0.2.

    >>> Family().draw(3, length=(50, 80), seed=0)[0].period
    12
    """

    periods: tuple[float, ...] = (12,)
    multiplicative: bool = False
    level: Range = (10.0, 1000.0)  # drawn evenly in its logarithm
    trend: Range = (-0.5, 0.5)
    season: Range = (0.0, 0.3)
    noise: Range = (0.01, 0.1)
    memory: Range = (0.0, 0.8)
    drift: float = 0.0
    shifts: float = 0.0
    shape: float = 1.0

    def __post_init__(self):
        check_counts("Family", periods=len(self.periods))
        if min(self.periods) < 1 or self.level[0] <= 0 or self.shape <= 0:
            raise InputError(f"Family: expected periods of 1 or more, and a level and shape above 0, got {self}")
        if min(self.noise[0], self.drift, self.shifts) < 0:
            raise InputError(f"Family: expected noise, drift and shifts of 0 or more, got {self}")
        if not -1 < self.memory[0] <= self.memory[1] < 1:
            raise InputError(f"Family: expected a memory between -1 and 1, rising, got {self.memory}")

    def draw(self, count: int, length: tuple[int, int], seed: int) -> list[Generated]:
        """`count` series with from length[0] to length[1] values each. Raises InputError for lengths that are none."""
        check_counts("Family.draw", count=count, length=length[0])
        if length[1] < length[0]:
            raise InputError(f"Family.draw: expected length to rise, got {length}")
        random = np.random.default_rng(seed)
        return [self._one(int(random.integers(*length, endpoint=True)), random) for _ in range(count)]

    def _one(self, steps: int, random: np.random.Generator) -> Generated:
        period, t = self.periods[random.integers(len(self.periods))], np.arange(steps)
        level = np.exp(random.uniform(*np.log(self.level)))
        wave = random.uniform(*self.season) * self._season(t / period, min(3, int(period) // 2), random)
        base = 1 + random.uniform(*self.trend) * t / 100 + np.cumsum(self.drift * random.normal(size=steps))
        base = base + np.cumsum((random.random(steps) < self.shifts / 100) * 0.2 * random.normal(size=steps))
        noise = random.uniform(*self.noise) * coloured(steps, random.uniform(*self.memory), random)
        found = base * (1 + wave) + noise if self.multiplicative else base + wave + noise
        return Generated(level * np.maximum(found, LEAST), period)

    def _season(self, phase: Float64[np.ndarray, " T"], waves: int, random: np.random.Generator):
        """A curve of period one and, over it, variance one."""
        order = np.arange(1, max(waves, 1) + 1)[:, None]
        size, start = random.normal(size=order.shape) / order, random.random(order.shape)
        curve = lambda u: (size * np.sin(2 * pi * (order * u + start))).sum(0)  # noqa: E731
        bent = lambda u: np.sign(curve(u)) * np.abs(curve(u)) ** self.shape  # noqa: E731
        return bent(phase) / max(bent(np.arange(256) / 256).std(), 1e-12)


def coloured(steps: int, memory: float, random: np.random.Generator) -> Float64[np.ndarray, " T"]:
    """Noise of deviation one that remembers: e_t = memory e_{t-1} + (1 - memory^2)^(1/2) n_t."""
    noise = random.normal(size=steps)
    noise[1:] *= (1 - memory**2) ** 0.5
    for step in range(1, steps):
        noise[step] += memory * noise[step - 1]
    return noise
