"""A small network as memory: asked by a query, and taught by one step of gradient descent for every key and value."""
from itertools import pairwise
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import silu

from reprise.core.marks import over

__all__ = [
    "Learning", "Lesson", "ask", "either", "first_rates", "first_weights", "fresh", "gradient", "learn", "read_rates",
]

Weights = tuple[Float[Tensor, "B H _ _"], ...]  # of every layer, inputs by outputs

LONGEST = 10.0  # a longer gradient is cut to this, for deep memories explode; Titans' authors do not say what theirs do


class Learning(NamedTuple):
    """A network that learns, and how far it is in a chunk: gradients are taken at the weights that it began with."""

    now: Weights
    began: Weights
    momentum: Weights
    position: Int[Tensor, "B"]


class Lesson(NamedTuple):
    """What a step teaches: a value to a key, how fast, and how much of earlier surprise and weights to leave."""

    k: Float[Tensor, "B *T H K"]
    v: Float[Tensor, "B *T H K"]
    rate: Float[Tensor, "B *T H 1"]
    keep: Float[Tensor, "B *T H 1"]
    forget: Float[Tensor, "B *T H 1"]


class FirstWeights(nn.ParameterList):
    """Where a memory begins: no weights that decay should pull to zero."""

    @property
    def undecayed_parameters(self) -> tuple[str, ...]:
        return tuple(str(i) for i in range(len(self)))


def first_weights(heads: int, size: int, depth: int, expand: int) -> FirstWeights:
    """Of `depth` layers, from K numbers to K, and expand K between them."""
    sizes = [size, *[expand * size] * (depth - 1), size]
    return FirstWeights(torch.randn(heads, i, o) * i**-0.5 for i, o in pairwise(sizes))


def fresh(weights: FirstWeights, batch: int, precision: torch.dtype) -> Learning:
    """What has learned nothing yet."""
    first = tuple(W.to(torch.promote_types(W.dtype, precision)).expand(batch, *W.shape).clone() for W in weights)
    still = tuple(torch.zeros_like(W) for W in first)
    return Learning(first, first, still, torch.zeros(batch, dtype=torch.int64, device=weights[0].device))


def first_rates(width: int, heads: int) -> nn.Linear:
    """rate, keep and forget of an input: near 0.02, 0.5 and 0.001 at the start.

    More forgetting would lead deep networks to weights of zero before they learn to learn: there no gradient is left.
    """
    rates = nn.Linear(width, 3 * heads)
    with torch.no_grad():
        rates.bias.copy_(torch.tensor([-4.0, 0.0, -7.0]).repeat_interleave(heads))
    return rates


def read_rates(z: Float[Tensor, "B *T G"]) -> tuple[Float[Tensor, "B *T H 1"], ...]:
    """rate, keep and forget of every head, from 0 to 1."""
    return torch.sigmoid(z.unflatten(-1, (3, -1, 1))).unbind(-3)


def ask(weights: Weights, q: Float[Tensor, "B H K"]) -> Float[Tensor, "B H K"]:
    """What the network answers."""
    return _inputs(weights, q[:, :, None])[-1][:, :, 0]


def learn(memory: Learning, lesson: Lesson, chunk: int) -> Learning:
    """One lesson later: S <- keep S - rate g, then W <- (1 - forget) W + S;  g: at the weights the chunk began with."""
    rate, keep, forget = (z[..., None] for z in lesson[2:])
    gradients = [x.mT @ off for x, off in gradient(memory.began, lesson.k[:, :, None], lesson.v[:, :, None])]
    momentum = tuple(keep * s - rate * g for s, g in zip(memory.momentum, gradients, strict=True))
    now = tuple((1 - forget) * W + s for W, s in zip(memory.now, momentum, strict=True))
    position = memory.position + 1
    full = position == chunk
    began = either(full, now, memory.began)
    return Learning(now, began, momentum, torch.where(full, 0, position))


def either(mask: Bool[Tensor, "B"], yes: Weights, no: Weights) -> Weights:
    """For each row the one or the other."""
    return tuple(torch.where(over(mask, y), y, n) for y, n in zip(yes, no, strict=True))


def gradient(
    weights: Weights, k: Float[Tensor, "B H C K"], v: Float[Tensor, "B H C K"]
) -> list[tuple[Float[Tensor, "B H C _"], Float[Tensor, "B H C _"]]]:
    """Of |M(k) - v|^2 / 2 in the weights of every layer, at each of C steps: the two factors of an outer product."""
    *before, answer = _inputs(weights, k)
    off, pairs = answer - v, []
    for i in reversed(range(len(weights))):
        pairs.append((silu(before[i]) if i else before[i], off))
        if i:
            gate = torch.sigmoid(before[i])
            off = off @ weights[i].mT * gate * (1 + before[i] * (1 - gate))
    pairs.reverse()
    square = sum(x.square().sum(-1, keepdim=True) * e.square().sum(-1, keepdim=True) for x, e in pairs)
    cut = LONGEST * torch.rsqrt(square.clamp(min=LONGEST**2))
    return [(x, cut * e) for x, e in pairs]


def _inputs(weights: Weights, x: Float[Tensor, "B H C K"]) -> list[Tensor]:
    """What every layer is given, before the SiLU that stands in front of all but the first, and last the answer."""
    found = [x]
    for i, W in enumerate(weights):
        found.append((silu(found[-1]) if i else x) @ W)
    return found
