"""Training within a budget: updates or seconds, looks at the validation origins on the way, the best weights kept."""
import math
import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass

from torch import nn

from reprise.core.errors import InputError, check_counts
from reprise.training.fit import fit
from reprise.training.objectives import Objective
from reprise.training.optimisers import adamw
from reprise.training.schedules import WarmupCosine

__all__ = ["Budget", "Look", "train"]

MOMENTS = 10_000  # that the schedule of a budget in seconds has


@dataclass(frozen=True)
class Budget:
    """Updates or seconds of wall time, whichever ends first; the rate falls by a cosine over it.

    looks: how often validation is asked on the way.   patience: how many looks in a row may find nothing better before
    training ends; None for all of them.
    """

    steps: int | None = None
    seconds: float | None = None
    looks: int = 25
    patience: int | None = 6

    def __post_init__(self) -> None:
        check_counts("Budget", steps=self.steps, looks=self.looks, patience=self.patience)
        if (self.steps is None and self.seconds is None) or (self.seconds is not None and not self.seconds > 0):
            raise InputError(f"expected a budget, got steps={self.steps} and seconds={self.seconds}; try seconds=30")

    def spending(self) -> Callable[[int], float]:
        """From now on: the share of the budget that is spent after so many updates."""
        began = time.perf_counter()

        def share(step: int) -> float:
            by_time = (time.perf_counter() - began) / self.seconds if self.seconds else 0.0
            return min(max(step / self.steps if self.steps else 0.0, by_time), 1.0)

        return share


@dataclass(frozen=True)
class Look:
    """What is known at a look: the share of the budget spent, updates made, the loss of training and of validation."""

    share: float
    step: int
    train: float
    valid: float


def train(
    model: nn.Module, batches: Iterator, objective: Objective, validate: Callable[[nn.Module], float], budget: Budget,
    *, rate: float = 1e-3, weight_decay: float = 0.0, clip: float = 1.0,
) -> Iterator[Look]:
    """Trains by Adam, and yields a look now and then; at its end the model has the weights that validated best.

    The last ones, where validation says nan: where there is nothing to validate on.
    """
    share, fall = budget.spending(), WarmupCosine(MOMENTS, floor=0.01)
    optimiser = adamw(model, rate, weight_decay, betas=(0.9, 0.999))
    best, kept, worse, looks = math.inf, None, 0, 1
    for record in fit(model, batches, objective, optimiser, lambda step: fall(int(share(step) * MOMENTS)), clip=clip):
        done = share(record.step)
        if done * budget.looks >= looks:
            looks, loss = math.floor(done * budget.looks) + 1, validate(model)
            better = loss < best
            worse = 0 if better or math.isnan(loss) else worse + 1
            if better:
                best, kept = loss, deepcopy(model.state_dict())
            yield Look(done, record.step, record.loss, loss)
        if done >= 1 or (budget.patience is not None and worse >= budget.patience):
            break
    if kept is not None:
        model.load_state_dict(kept)
