"""The same recurrence in 3 sqrt(T) vectorised steps: what each block of sqrt(T) does to any h, then every h in it.

Only the product of a whole block is kept, none of the products on the way, so memory is that of the arguments. On a CPU
with many rows, T steps take less time, for a product of matrices costs several times that of a matrix and a vector. The
gradient is the same recurrence from the right with the transposed matrices, and it can be differentiated again.
"""
from math import isqrt

import torch
from jaxtyping import Float
from torch import Tensor

from reprise.ops.block_scan.reference import advance

__all__ = ["block_scan"]

MANY_ROWS = 64  # a step of so many takes a CPU longer than calling it


def block_scan(
    A: Float[Tensor, "B T H N N"], b: Float[Tensor, "B T H N"], h: Float[Tensor, "B H N"]
) -> Float[Tensor, "B T H N"]:
    return _Scan.apply(A, b, h, False)


class _Scan(torch.autograd.Function):
    """h_t = A_t h_{t-1} + b_t, or `back`wards, A_t h_{t+1} + b_t."""

    @staticmethod
    def forward(A, b, h, back):
        T, rows = b.shape[1], h.shape[0] * h.shape[1]
        size = T if rows >= MANY_ROWS and h.device.type == "cpu" else isqrt(T)
        whole = T // size * size
        blocks, rest = (tuple(z[:, part] for z in (A, b)) for part in (slice(whole), slice(whole, None)))
        blocks = tuple(z.unflatten(1, (-1, size)) for z in blocks)
        if back:
            late, h = _along(*rest, h, 1, back)
            return torch.cat([_side_by_side(*blocks, h, back)[0], late], 1)
        early, h = _side_by_side(*blocks, h, back)
        return torch.cat([early, _along(*rest, h, 1, back)[0]], 1)

    @staticmethod
    def setup_context(ctx, inputs, output):
        A, _, h, ctx.back = inputs
        ctx.save_for_backward(A, h, output)

    @staticmethod
    def backward(ctx, grad):
        A, h, every = ctx.saved_tensors
        handed = _Scan.apply(A.mT, _times(A.mT, grad), torch.zeros_like(h), not ctx.back)
        zero = torch.zeros_like(handed[:, :1])
        grad_b = grad + torch.cat([zero, handed[:, :-1]] if ctx.back else [handed[:, 1:], zero], 1)
        before = torch.cat([every[:, 1:], h[:, None]] if ctx.back else [h[:, None], every[:, :-1]], 1)
        return grad_b[..., None] * before[..., None, :], grad_b, handed[:, -1 if ctx.back else 0], None


def _side_by_side(A: Tensor, b: Tensor, h: Tensor, back: bool) -> tuple[Tensor, Tensor]:
    """(B n C ...): every h (B T H N), and the last."""
    if A.shape[1] == 1:
        return _along(A[:, 0], b[:, 0], h, 1, back)
    starts = []
    for move, new in _in_order(*_across(A, b, back), 1, back):
        starts.append(h)
        h = advance(move, new, h)
    every, _ = _along(A, b, torch.stack(starts[::-1] if back else starts, 1), 2, back)
    return every.flatten(1, 2), h


def _across(A: Tensor, b: Tensor, back: bool) -> tuple[Float[Tensor, "B n H N N"], Float[Tensor, "B n H N"]]:
    """The end of each block is move h + new, for any h it may begin with."""
    (A_t, b_t), *later = _in_order(A, b, 2, back)
    both = torch.cat([A_t, b_t[..., None]], -1)
    for A_t, b_t in later:
        both = A_t @ both
        both[..., -1] += b_t
    return both[..., :-1], both[..., -1]


def _along(A: Tensor, b: Tensor, h: Tensor, time: int, back: bool) -> tuple[Tensor, Tensor]:
    """Every h, along the dimension `time`, and the last."""
    every = []
    for A_t, b_t in _in_order(A, b, time, back):
        h = advance(A_t, b_t, h)
        every.append(h)
    return torch.stack(every[::-1] if back else every, time) if every else b, h


def _in_order(A: Tensor, b: Tensor, time: int, back: bool) -> list[tuple[Tensor, Tensor]]:
    steps = list(zip(A.unbind(time), b.unbind(time), strict=True))
    return steps[::-1] if back else steps


def _times(A: Float[Tensor, "*B N N"], h: Float[Tensor, "*B N"]) -> Float[Tensor, "*B N"]:
    return (A @ h[..., None])[..., 0]
