"""The loop: small enough to trust, and a generator, so that whoever owns the `for` stops, logs, evaluates and saves."""
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from reprise.core.state import detach, map_state, move
from reprise.training.guard import NonFinite, bad_gradient, bad_value
from reprise.training.objectives import Objective, carried
from reprise.training.schedules import constant

__all__ = ["Launcher", "Record", "fit"]

REMEDY = "the weights are as they were before this step; lower the learning rate, or look at this batch"


@runtime_checkable
class Launcher(Protocol):
    """What the loop asks of a Lightning Fabric that has set up the model and optimiser."""

    def backward(self, tensor: Tensor) -> None: ...


@dataclass(frozen=True)
class Record:
    """What one update did, and what the next begins with."""

    step: int  # updates made, this one included
    loss: float  # nats a counted target
    tokens: int  # targets counted
    gradient_norm: float  # before clipping
    rate: float  # the learning rate of the first group of parameters
    state: Any = field(repr=False, compare=False)  # the model's, detached


def fit(
    model: nn.Module, batches: Iterable, objective: Objective, optimiser: torch.optim.Optimizer,
    schedule: Callable[[int], float] = constant, *,
    step: int = 0, state: Any = None, clip: float = 1.0, mixed: bool = True, fabric: Launcher | None = None,
) -> Iterator[Record]:
    """Trains on each batch in turn, and yields a record after each update.

    State is carried, detached, into a batch whose rows go on (`resets`). `step` and `state`: where to go on from.
    clip: largest norm of the gradient.   mixed: bfloat16 arithmetic on CUDA; weights and states stay float32.
    fabric: of Lightning, which then sees to devices and precision.
    Raises NonFinite, before the update, for a loss or gradient that is not finite.
    """
    device = next(model.parameters()).device
    low = mixed and fabric is None and device.type == "cuda"
    backward = Tensor.backward if fabric is None else fabric.backward
    model.train()
    for update, batch in enumerate(batches, step + 1):
        state = carried(batch, state)
        batch = move(batch, device)
        rate = _set_rates(optimiser, schedule(update - 1))
        optimiser.zero_grad()
        with torch.autocast(device.type, torch.bfloat16, enabled=low):
            scored = objective(model, batch, state)
        loss = scored.total / max(scored.count, 1)
        backward(loss)
        norm = torch.nn.utils.get_total_norm([p.grad for p in model.parameters() if p.grad is not None])
        nats, size = loss.item(), norm.item()
        if not (math.isfinite(nats) and math.isfinite(size)):
            where = _where(model, batch, state, nats, objective)
            optimiser.zero_grad()
            raise NonFinite(update, where, REMEDY)
        torch.nn.utils.clip_grads_with_norm_(model.parameters(), clip, norm)
        optimiser.step()
        state = _widened(scored.state) if low else detach(scored.state)
        yield Record(update, nats, scored.count, size, rate, state)


def _set_rates(optimiser: torch.optim.Optimizer, factor: float) -> float:
    for group in optimiser.param_groups:
        group["lr"] = group.setdefault("initial_lr", group["lr"]) * factor
    return optimiser.param_groups[0]["lr"]


def _where(model: nn.Module, batch: Any, state: Any, loss: float, objective: Objective) -> str:
    if math.isfinite(loss):
        return bad_gradient(model)
    return bad_value(model, batch, state, lambda: objective(model, batch, state))


def _widened(state: Any) -> Any:
    return map_state(lambda s: s.detach().float() if s.dtype == torch.bfloat16 else s.detach(), state)
