"""The same recurrence in 2 sqrt(T) vectorised steps: all blocks of sqrt(T) side by side, then what each hands the next.

Work stays O(T). The gradient is a scan from the right (Martin & Cundy 2018, arXiv:1709.04057, app. A), so no graph is
kept over time, and it can be differentiated again.
"""
from math import isqrt

import torch
from jaxtyping import Inexact
from torch import Tensor

__all__ = ["linear_scan"]


def linear_scan(
    a: Inexact[Tensor, "B T *N"], b: Inexact[Tensor, "B T *N"], h: Inexact[Tensor, "B *N"]
) -> Inexact[Tensor, "B T *N"]:
    return _Scan.apply(a.expand_as(b), b, h)


class _Scan(torch.autograd.Function):
    @staticmethod
    def forward(a, b, h):
        return _blocks(a, b, h)

    @staticmethod
    def setup_context(ctx, inputs, output):
        a, _, h = inputs
        ctx.save_for_backward(a, h, output)

    @staticmethod
    def backward(ctx, grad):
        a, h, every = ctx.saved_tensors
        later = torch.cat([a[:, 1:], torch.zeros_like(a[:, :1])], 1).conj()
        grad_b = _Scan.apply(later.flip(1), grad.flip(1), torch.zeros_like(h)).flip(1)
        before = torch.cat([h[:, None], every[:, :-1]], 1)
        return grad_b * before.conj(), grad_b, a[:, 0].conj() * grad_b[:, 0]


def _blocks(a: Tensor, b: Tensor, h: Tensor) -> Tensor:
    T = b.shape[1]
    size = isqrt(T)
    count, rest = T // size, T % size
    inside, decay = _within(*(z[:, : T - rest].unflatten(1, (count, size)) for z in (a, b)))
    before = []
    for end, left in zip(inside[:, :, -1].unbind(1), decay[:, :, -1].unbind(1), strict=True):
        before.append(h)
        h = torch.addcmul(end, left, h)
    every = [torch.addcmul(inside, decay, torch.stack(before, 1)[:, :, None]).flatten(1, 2)]
    for a_t, b_t in zip(a[:, T - rest :].unbind(1), b[:, T - rest :].unbind(1), strict=True):
        h = torch.addcmul(b_t, a_t, h)
        every.append(h[:, None])
    return torch.cat(every, 1) if rest else every[0]


def _within(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Each block from a memory of zero, and what would be left of that memory at each step: (B blocks size *N)."""
    h, left = b[:, :, 0], a[:, :, 0]
    every, decay = [h], [left]
    for a_t, b_t in zip(a[:, :, 1:].unbind(2), b[:, :, 1:].unbind(2), strict=True):
        h, left = torch.addcmul(b_t, a_t, h), a_t * left
        every.append(h)
        decay.append(left)
    return torch.stack(every, 2), torch.stack(decay, 2)
