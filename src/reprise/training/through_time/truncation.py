"""Gradients of backpropagation through time that go back only so far: the rule whose cost in memory is a span."""
from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from reprise.core.errors import InputError
from reprise.core.layer import SequenceLayer
from reprise.core.state import detach

__all__ = ["Losses", "through_time"]

Losses = Callable[[Float[Tensor, "B n D"], int], Tensor]  # outputs of n steps, the first of them -> sum of their losses


def through_time(
    layer: SequenceLayer, x: Float[Tensor, "B T D"], loss: Losses, state: Any = None, *,
    resets: Bool[Tensor, "B T"] | None = None, span: int | None = None,
) -> tuple[Float[Tensor, "B T D"], Any]:
    """Backpropagation through time, truncated: the outputs without gradient, and the state after the last step.

        gradient = sum over spans of  d (sum of losses of the span) / d theta,  the state before the span held constant

    `span` steps are run, gone back through and forgotten, then the next; None is the whole sequence and exact. The
    values are the same for every span, for states go on. Gradients are added up in every parameter's `grad`, those of
    a head in `loss` as well: a loss that is a sum over steps is the same for every span and for `RealTime.sequence`.

    Raises InputError for a span below 1.
    Source  Williams & Peng 1990, doi:10.1162/neco.1990.2.4.490, BPTT(h; h') with h = h'   (williams1990efficient)

    >>> gru, target = create_layer("gru", 8), torch.zeros(2, 100, 8)
    >>> loss = lambda y, first: (y - target[:, first : first + y.shape[1]]).square().sum()
    >>> y, state = through_time(gru, torch.randn(2, 100, 8), loss, span=10)
    """
    T = x.shape[1]
    if span is not None and span < 1:
        raise InputError(f"through_time: expected a span of 1 step or more, got {span}; None goes back to the start")
    ys = []
    for first in range(0, T, span or max(T, 1)):
        here = slice(first, first + span if span else T)
        with torch.enable_grad():
            y, state = layer(x[:, here], state, resets=None if resets is None else resets[:, here])
            loss(y, first).backward()
        state = detach(state)
        ys.append(y.detach())
    return torch.cat(ys, 1) if ys else torch.zeros_like(x), layer.initial_state(len(x)) if state is None else state
