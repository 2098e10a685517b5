"""The learning rate over time, as a pure function: step -> factor."""
from dataclasses import dataclass

from reprise.core.errors import InputError

__all__ = ["WarmupDecay", "constant"]


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
