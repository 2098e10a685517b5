"""What training makes small, and the same measured without training."""
import math
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reprise.core.errors import InputError
from reprise.core.marks import mark
from reprise.core.modes import undisturbed
from reprise.core.state import move
from reprise.data.batches import IGNORED

__all__ = [
    "Objective", "Scored", "accuracy", "answers", "bernoulli", "carried", "distance", "evaluate", "label",
    "next_event", "next_token", "squared_error",
]


class Scored(NamedTuple):
    """One batch, scored."""

    total: Tensor  # (), nats summed over what is counted
    count: int  # of targets counted
    state: Any  # what the model carries on


Objective = Callable[[nn.Module, Any, Any], Scored]  # model, batch, the state carried in or None


def next_token(model: nn.Module, batch: Any, state: Any = None) -> Scored:
    """Cross entropy of targets `batch.y` (B T) under the model's logits (B T V); IGNORED targets are not counted."""
    logits, state = model(batch.x, state, resets=batch.resets)
    total = F.cross_entropy(logits.flatten(0, 1).float(), batch.y.flatten(), ignore_index=IGNORED, reduction="sum")
    return Scored(total, int((batch.y != IGNORED).sum()), state)


def next_event(model: nn.Module, batch: Any, state: Any = None) -> Scored:
    """What the next kinds of event, and the times to them, cost as the model itself says; kinds are counted."""
    said, state = _answers(model, batch, state)
    kinds, times = model.costs(said, batch.y)
    return Scored(kinds.sum() + times.sum(), int((batch.y.kinds != IGNORED).sum()), state)


def distance(model: nn.Module, batch: Any, state: Any = None) -> Scored:
    """What a model of one class says of whole sequences, all of them of that class: how far each is from it."""
    distances = model(batch.x, lengths=batch.lengths)
    return Scored(distances.sum(), len(distances), None)


def label(model: nn.Module, batch: Any, state: Any = None) -> Scored:
    """Cross entropy of one label a sequence, `batch.y` (B,), under the model's logits (B E)."""
    logits, state = _answers(model, batch, state)
    total = F.cross_entropy(logits.float(), batch.y, reduction="sum")
    return Scored(total, len(batch.y), state)


def squared_error(model: nn.Module, batch: Any, state: Any = None) -> Scored:
    """Squares of the distance to `batch.y`, which is as large as what the model answers; every number counts."""
    answers, state = _answers(model, batch, state)
    if answers.shape != batch.y.shape:
        raise InputError(f"squared_error: the model answers {tuple(answers.shape)} where y is {tuple(batch.y.shape)}; "
                         "they are to be alike")
    return Scored((answers.float() - batch.y).square().sum(), batch.y.numel(), state)


def bernoulli(model: nn.Module, batch: Any, state: Any = None) -> Scored:
    """What 0 or 1 in `batch.y` (B T E) costs under independent logits (B T E), summed over E; real steps count."""
    logits, state = _answers(model, batch, state)
    steps = mark(batch.x, getattr(batch, "lengths", None), None)
    costs = F.binary_cross_entropy_with_logits(logits.float(), batch.y, reduction="none").sum(-1)
    total = steps.pad(costs, 0.0).sum()
    return Scored(total, costs.numel() if steps.real is None else int(steps.real.sum()), state)


def answers(model: nn.Module, batch: Any, state: Any = None) -> Scored:
    """Cross entropy of answers `batch.y` (B L) that the model is given as they should be; IGNORED is not counted."""
    logits = model(batch.x, batch.y, lengths=batch.lengths)
    total = F.cross_entropy(logits.flatten(0, 1).float(), batch.y.flatten(), ignore_index=IGNORED, reduction="sum")
    return Scored(total, int((batch.y != IGNORED).sum()), None)


def carried(batch: Any, state: Any) -> Any:
    """The state a batch begins with: none where it has no `resets`, or every row of it begins a new sequence."""
    resets = getattr(batch, "resets", None)
    return None if resets is None or bool(resets[:, :1].all()) else state


@torch.no_grad()
def accuracy(model: nn.Module, batches: Iterable) -> float:
    """The share of sequences whose label is the likeliest by the model, over all batches; in evaluation mode.

    The model is left in the mode it was in. Raises InputError where there is none.
    """
    device, right, count = next(model.parameters()).device, 0, 0
    with undisturbed(model.modules()):
        for batch in batches:
            batch = move(batch, device)
            logits, _ = _answers(model, batch, None)
            right, count = right + int((logits.argmax(-1) == batch.y).sum()), count + len(batch.y)
    if not count:
        raise InputError("accuracy: no sequence was given; give batches with at least one")
    return right / count


@torch.no_grad()
def evaluate(model: nn.Module, batches: Iterable, objective: Objective = next_token) -> float:
    """Bits per counted target (per byte, where tokens are bytes), over all batches, state carried from one to the next.

    The model is left in the mode it was in. Raises InputError where nothing is counted.
    """
    device = next(model.parameters()).device
    total, count, state = 0.0, 0, None
    with undisturbed(model.modules()):
        for batch in batches:
            scored = objective(model, move(batch, device), carried(batch, state))
            total, count, state = total + scored.total.item(), count + scored.count, scored.state
    if not count:
        raise InputError("evaluate: no target was counted; give batches with a target other than -100")
    return total / count / math.log(2)


def _answers(model: nn.Module, batch: Any, state: Any) -> tuple[Tensor, Any]:
    return model(batch.x, state, lengths=getattr(batch, "lengths", None), resets=getattr(batch, "resets", None))
