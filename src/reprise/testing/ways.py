"""Ways to evaluate a layer. Most laws say that two of them agree: in outputs, final state and all gradients."""
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from reprise.core.layer import SequenceLayer
from reprise.core.state import concatenate, map_state, named_tensors, select
from reprise.testing.rows import assert_rows_agree

__all__ = ["alone", "by_steps", "in_pieces", "inputs", "outcome", "packed", "padded", "same", "tensors", "whole"]

LEARNED = (torch.float64, torch.complex128)  # a state may count too, and a count has no gradient


def whole(layer: SequenceLayer, x: Tensor, state: Any):
    return layer(x, state)


def by_steps(layer: SequenceLayer, x: Tensor, state: Any):
    """The plain loop: the definition that every other way is held to."""
    ys = [x[:, :0]]
    for x_t in x.unbind(1):
        y, state = layer.step(x_t, state)
        ys.append(y[:, None])
    return torch.cat(ys, 1), state


def in_pieces(layer: SequenceLayer, x: Tensor, state: Any, cuts: list[int]):
    """Cut before these steps, the state carried from piece to piece."""
    ys = []
    for start, stop in pairwise([0, *cuts, x.shape[1]]):
        y, state = layer(x[:, start:stop], state)
        ys.append(y)
    return torch.cat(ys, 1), state


def padded(layer: SequenceLayer, x: Tensor, state: Any, lengths: list[int]):
    return layer(x, state, lengths=torch.tensor(lengths))


def packed(layer: SequenceLayer, x: Tensor, state: Any, starts: list[list[int]], lengths: list[int] | None = None):
    """New sequences at these steps of each row."""
    resets = torch.zeros(x.shape[:2], dtype=torch.bool)
    for row, begins in zip(resets, starts, strict=True):
        row[begins] = True
    return layer(x, state, resets=resets, lengths=None if lengths is None else torch.tensor(lengths))


def alone(layer: SequenceLayer, x: Tensor, state: Any, starts: list[list[int]], lengths: list[int]):
    """Each sequence of each row by itself: the first carries on from the row's state, the others start anew."""
    ys, ends = [], []
    for i, (begins, length) in enumerate(zip(starts, lengths, strict=True)):
        row, end, y = x[i : i + 1], select(state, [i]), []
        for start, stop in pairwise([0, *(b for b in begins if b < length), length]):
            out, end = layer(row[:, start:stop], layer.initial_state(1) if y else end)
            y.append(out)
        ys.append(torch.cat([*y, torch.zeros_like(row[:, length:])], 1))
        ends.append(end)
    return torch.cat(ys), concatenate(ends)


def inputs(layer: SequenceLayer, B: int = 2, T: int = 7):
    """An input, and a state that has already seen something; both the same at every call."""
    g = torch.Generator().manual_seed(0)
    seen, x = torch.randn(B, 5 + T, layer.width, generator=g, dtype=torch.float64).split([5, T], 1)
    with torch.no_grad():
        _, state = layer(seen)
    return x.clone().requires_grad_(), map_state(lambda s: s.clone().requires_grad_(s.dtype in LEARNED), state)


def tensors(tree: Any) -> list[Tensor]:
    return [s for _, s in named_tensors(tree)]


def outcome(layer: SequenceLayer, way: Callable, x: Tensor, state: Any) -> dict[str, Tensor]:
    """Outputs, final state, and the gradient of one fixed mixture of both in everything it could depend on."""
    y, end = way(layer, x, state)
    named = {"y": y, **{f"state {n}": s for n, s in named_tensors(end)}}
    g = torch.Generator().manual_seed(1)
    learned = [v for v in named.values() if v.dtype in LEARNED]
    loss = sum((v * torch.randn(v.shape, generator=g, dtype=torch.float64)).real.sum() for v in learned)
    into = {f"from state {n}": s for n, s in named_tensors(state) if s.requires_grad}
    wrt = {"x": x, **into, **{n: p for n, p in layer.named_parameters() if p.requires_grad}}
    grads = torch.autograd.grad(loss, list(wrt.values()), allow_unused=True, materialize_grads=True)
    return named | {f"gradient in {n}": v for n, v in zip(wrt, grads, strict=True)}


def same(layer: SequenceLayer, one: Callable, other: Callable, **shape: int) -> None:
    """Both ways give the same everything, row by row."""
    given = inputs(layer, **shape)
    want, got = outcome(layer, other, *given), outcome(layer, one, *given)
    for name, value in want.items():
        assert_rows_agree(got[name], value, f"{name} (T={given[0].shape[1]})")
