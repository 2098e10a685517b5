"""A network's lessons by chunks: inside one all gradients are taken at the same weights, so time is matrix products.

Weights after a step are a mixture of those before the chunk, of the momentum before it, and of the gradients so far; a
gradient is an outer product, so what a query finds of it is a product of two numbers. Nothing as large as the weights
is made for every step. Rows are shifted by how far they are in their chunk, so that all chunks end at once.
"""
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import silu

from reprise.core.marks import Marks, over
from reprise.core.state import map_state
from reprise.layers.memory.learning._network import Learning, Lesson, Weights, either, gradient
from reprise.ops.linear_scan import linear_scan

__all__ = ["learn_in_chunks"]


class Mixture(NamedTuple):
    """How much of what was there before a chunk, and of its gradients, there is after each of its steps."""

    weights: Float[Tensor, "B H C 1"]
    momentum: Float[Tensor, "B H C 1"]
    gradients: Float[Tensor, "B H C C"]


def learn_in_chunks(
    memory: Learning, q: Float[Tensor, "B T H K"], lesson: Lesson, chunk: int, marks: Marks
) -> tuple[Float[Tensor, "B T H K"], Learning]:
    """What each query finds after its step's lesson, and what was learned by the end. No new sequence may begin."""
    T = q.shape[1]
    slots = chunk * -(-(T + chunk - 1) // chunk)
    step = torch.arange(slots, device=q.device) - memory.position[:, None]  # which comes into each slot
    real = (step >= 0) & (step < T)
    step = step.clamp(0, T - 1)
    if marks.real is not None:
        real = real & marks.real.gather(1, step)
    slot = torch.arange(T, device=q.device) + memory.position[:, None]
    q, lesson = map_state(lambda z: _take(z, step), (q, lesson))
    in_weights, in_momentum = _mixtures(lesson, real, chunk)
    end, reads = memory.position + real.sum(1), []
    blocks = (_blocks(z, chunk).unbind(1) for z in (q, lesson.k, lesson.v))
    for i, (q_i, k, v, mixed, left) in enumerate(zip(*blocks, in_weights, in_momentum, strict=True)):
        pairs = gradient(memory.began, k, v)
        reads.append(_ask(memory, pairs, mixed, q_i))
        now, momentum = (_after(memory, pairs, share) for share in (mixed, left))
        memory = Learning(now, either(end >= (i + 1) * chunk, now, memory.began), momentum, end % chunk)
    read = torch.stack(reads, 1).transpose(2, 3).flatten(1, 2)
    return _take(read, slot), memory


def _take(z: Float[Tensor, "B T *_"], steps: Int[Tensor, "B S"]) -> Float[Tensor, "B S *_"]:
    return z.take_along_dim(over(steps, z), 1)


def _blocks(z: Float[Tensor, "B T H K"], chunk: int) -> Float[Tensor, "B N H C K"]:
    return z.unflatten(1, (-1, chunk)).transpose(2, 3)


def _mixtures(lesson: Lesson, real: Bool[Tensor, "B T"], chunk: int) -> tuple[list[Mixture], list[Mixture]]:
    """Of the weights and of the momentum, chunk by chunk: what is no step keeps all and adds nothing."""
    rows, H = (real.shape[0], real.shape[1] // chunk), lesson.rate.shape[2]
    real = real[..., None, None]
    rate, keep, stay, add = (z.unflatten(1, (-1, chunk)).flatten(0, 1) for z in (
        torch.where(real, lesson.rate, 0.0), torch.where(real, lesson.keep, 1.0),
        torch.where(real, 1 - lesson.forget, 1.0), real.to(lesson.rate.dtype)))
    own = torch.eye(chunk + 2, dtype=rate.dtype, device=rate.device)  # of weights, of momentum, of every gradient
    first = own[:2, None].expand(-1, H, -1)
    momentum, _ = linear_scan(
        keep.expand(-1, -1, -1, chunk + 2), -rate * own[2:, None], first[1].expand(len(rate), -1, -1))
    weights, _ = linear_scan(
        stay.expand(-1, -1, -1, chunk + 2), add * momentum, first[0].expand(len(rate), -1, -1))
    return tuple([Mixture(*m.split((1, 1, chunk), -1)) for m in z.unflatten(0, rows).transpose(2, 3).unbind(1)]
                 for z in (weights, momentum))


def _ask(memory: Learning, pairs: list, mixed: Mixture, x: Float[Tensor, "B H C K"]) -> Float[Tensor, "B H C K"]:
    """The answers of the weights after each step."""
    for i, (W, S, (given, off)) in enumerate(zip(memory.now, memory.momentum, pairs, strict=True)):
        x = silu(x) if i else x
        x = mixed.weights * (x @ W) + mixed.momentum * (x @ S) + (mixed.gradients * (x @ given.mT)) @ off
    return x


def _after(memory: Learning, pairs: list, share: Mixture) -> Weights:
    """The mixture after the last step itself."""
    of_weights, of_momentum, of_gradients = (z[:, :, -1:] for z in share)
    return tuple(of_weights * W + of_momentum * S + (given * of_gradients.mT).mT @ off
                 for W, S, (given, off) in zip(memory.now, memory.momentum, pairs, strict=True))
