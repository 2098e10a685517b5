"""The learning rate over time, as a pure function: step -> factor."""
import math
from dataclasses import dataclass

from reprise.core.errors import InputError

__all__ = ["Infinite", "WarmupCosine", "WarmupDecay", "constant"]


def constant(step: int) -> float:
    """The same learning rate throughout."""
    return 1.0


@dataclass(frozen=True)
class WarmupDecay:
    """Straight up to 1 over the first `warmup` updates, then straight down, to reach `floor` after `steps` of them.

    Called with the number of updates made so far; the first has 1 / warmup, not zero. Past `steps` it stays at `floor`.
    """

    steps: int
    warmup: int = 0
    floor: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.warmup <= self.steps or self.steps < 1:
            raise InputError(f"WarmupDecay: expected 0 <= warmup <= steps and a step or more, got "
                             f"warmup={self.warmup}, steps={self.steps}; shorten the warm-up or train for longer")
        if not 0 <= self.floor <= 1:
            raise InputError(f"WarmupDecay: expected floor from 0 to 1, a share of the learning rate; got {self.floor}")

    def __call__(self, step: int) -> float:
        if step < self.warmup:
            return (step + 1) / self.warmup
        left = max(self.steps - step, 0) / max(self.steps - self.warmup, 1)
        return self.floor + (1 - self.floor) * left


@dataclass(frozen=True)
class WarmupCosine:
    """Straight up to 1 over the first `warmup` updates, then down half a cosine, to reach `floor` after `steps`.

    Run again from the start for new data it is the recipe of re-warming and re-decaying: Ibrahim et al. 2024,
    arXiv:2403.08763, sec. 4.1 (ibrahim2024simple), who warm up over 1 % of the steps and take a floor of 0.1.
    """

    steps: int
    warmup: int = 0
    floor: float = 0.1

    def __post_init__(self) -> None:
        if not 0 <= self.warmup <= self.steps or self.steps < 1 or not 0 <= self.floor <= 1:
            raise InputError(f"WarmupCosine: expected 0 <= warmup <= steps, a step or more, floor from 0 to 1; got "
                             f"warmup={self.warmup}, steps={self.steps}, floor={self.floor}; try floor=0.1")

    def __call__(self, step: int) -> float:
        if step < self.warmup:
            return (step + 1) / self.warmup
        if step >= self.steps:
            return self.floor
        return _cosine(1.0, self.floor, (step - self.warmup) / (self.steps - self.warmup))


@dataclass(frozen=True)
class Infinite:
    """A rate without an end: up to 1, down half a cosine to `level`, and there for as long as data come.

        warm-up n / warmup;   cooldown from 1 to level over `cooldown` updates;   then level
        from `anneal_at` on, if given:   level (floor / level)^(n / annealing) over `annealing` updates, then floor

    bend: a above 0 cools down by an inverse square root instead, at share x of the cooldown:
        1 + (level - 1) h(x) / h(1),   h(x) = 1 / sqrt(1 + a x) - 1

    New data go on at `level` from the last weights and optimiser state before any annealing, without a new warm-up;
    annealing is done on the side, where a model is to be given away: the same schedule with `anneal_at`.

    Source  Ibrahim et al. 2024, arXiv:2403.08763, sec. 4.3 (ibrahim2024simple), both forms; Singh et al. 2025,
        arXiv:2503.02844, sec. 3 (singh2025beyond), the cosine
    """

    warmup: int
    cooldown: int
    level: float = 0.25
    anneal_at: int | None = None
    annealing: int = 0
    floor: float = 0.01
    bend: float | None = None

    def __post_init__(self) -> None:
        if self.bend is not None and not self.bend > 0:
            raise InputError(f"Infinite: expected a bend above 0, or None for a cosine, got {self.bend}; try 10")
        if self.warmup < 0 or self.cooldown < 0 or not 0 < self.floor <= self.level <= 1:
            raise InputError(f"Infinite: expected warmup and cooldown of 0 or more, and 0 < floor <= level <= 1, got "
                             f"warmup={self.warmup}, cooldown={self.cooldown}, level={self.level}, floor={self.floor}")
        settled = self.warmup + self.cooldown
        if self.anneal_at is not None and (self.anneal_at < settled or self.annealing < 1):
            raise InputError(f"Infinite: expected to anneal from step {settled}, when the cooldown is over, or later, "
                             f"over 1 step or more; got anneal_at={self.anneal_at}, annealing={self.annealing}")

    def __call__(self, step: int) -> float:
        if step < self.warmup:
            return (step + 1) / self.warmup
        if step < self.warmup + self.cooldown:
            return self._cooled((step - self.warmup) / self.cooldown)
        if self.anneal_at is None or step < self.anneal_at:
            return self.level
        return self.level * (self.floor / self.level) ** min((step - self.anneal_at) / self.annealing, 1.0)

    def _cooled(self, done: float) -> float:
        if self.bend is None:
            return _cosine(1.0, self.level, done)
        fallen = (1 / math.sqrt(1 + self.bend * done) - 1) / (1 / math.sqrt(1 + self.bend) - 1)
        return 1 + (self.level - 1) * fallen


def _cosine(start: float, end: float, done: float) -> float:
    return end + (start - end) * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))
