"""The same recurrence in one pass over memory: each matrix is read once, and each gradient written once."""
from functools import partial

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from reprise.ops.custom_op import custom_op
from reprise.ops.threads import share_out
from reprise.ops.vector_math import compiled, fill

__all__ = ["block_scan"]

WIDE = 512  # numbers of a row that go on together, a head after the other: their sums need not wait for each other
SHORT = 4  # up to here a loop of its own, which the compiler knows to be short


def block_scan(
    A: Float[Tensor, "B T H N N"], b: Float[Tensor, "B T H N"], h: Float[Tensor, "B H N"]
) -> Float[Tensor, "B T H N"]:
    return scan(A, b, h)


@custom_op("reprise::block_scan")
def scan(A: Tensor, b: Tensor, h: Tensor) -> Tensor:
    """Every h (B T H N)."""
    every = torch.empty_like(b, memory_format=torch.contiguous_format)
    share_out(forward, _pieces(h), _array(A), *map(_flat, (b, h, every)))
    return every


@scan.register_fake
def _(A, b, h):
    return torch.empty_like(b, memory_format=torch.contiguous_format)


@custom_op("reprise::block_scan_backward")
def scan_backward(A: Tensor, h: Tensor, every: Tensor, grad: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients in A, b and h, from that of every h."""
    A, grad_b, grad_h = _array(A), *(torch.empty(z.shape, dtype=h.dtype) for z in (every, h))
    grad_A = np.empty_like(A)  # on large pages, which torch does not ask for: new memory at a third of the time
    share_out(backward, _pieces(h), A, *map(_flat, (h, every, grad)), grad_A, *map(_flat, (grad_b, grad_h)))
    return torch.from_numpy(grad_A), grad_b, grad_h


@scan_backward.register_fake
def _(A, h, every, grad):
    return tuple(torch.empty(z.shape, dtype=h.dtype, device=h.device) for z in (A, every, h))


def _keep(ctx, inputs, output):
    A, _, h = inputs
    ctx.save_for_backward(A, h, output)


def _gradients(ctx, grad):
    return scan_backward(*ctx.saved_tensors, grad)


scan.register_autograd(_gradients, setup_context=_keep)


def _array(z: Tensor) -> np.ndarray:
    return z.contiguous().numpy()


def _flat(z: Tensor) -> np.ndarray:
    """The blocks of a row side by side."""
    return z.contiguous().flatten(-2).numpy()


def _pieces(h: Tensor) -> int:
    B, H, N = h.shape
    return B * -(-H // max(WIDE // N, 1))


@partial(compiled, any_order=True)
def forward(first, last, A, b, h, every):
    T, H, N = A.shape[1:4]
    wide = max(WIDE // N, 1)
    groups = (H + wide - 1) // wide
    for piece in range(first, last):
        i, low = piece // groups, piece % groups * wide
        high = min(low + wide, H)
        for t in range(T):
            A_t, b_t, before, out = A[i, t], b[i, t], every[i, t - 1] if t else h[i], every[i, t]
            for k in range(low, high):
                A_k, now = A_t[k], before[k * N : k * N + N]
                for n in range(N):
                    row, total = A_k[n], b_t[k * N + n]
                    if N <= SHORT:
                        for j in range(N):
                            total += row[j] * now[j]
                    else:
                        for j in range(N):
                            total += row[j] * now[j]
                    out[k * N + n] = total


@compiled
def backward(first, last, A, h, every, grad, grad_A, grad_b, grad_h):
    T, H, N = A.shape[1:4]
    wide = max(WIDE // N, 1)
    groups = (H + wide - 1) // wide
    for piece in range(first, last):
        i, low = piece // groups, piece % groups * wide
        high = min(low + wide, H)
        handed = grad_h[i]
        fill(handed[low * N : high * N], 0)
        for t in range(T - 1, -1, -1):
            A_t, g_t, out, total = A[i, t], grad[i, t], grad_A[i, t], grad_b[i, t]
            before = every[i, t - 1] if t else h[i]
            for j in range(low * N, high * N):
                total[j] = handed[j] + g_t[j]
                handed[j] = 0
            for k in range(low, high):
                A_k, out_k, ago, into = A_t[k], out[k], before[k * N : k * N + N], handed[k * N : k * N + N]
                for n in range(N):
                    row, out_n, g = A_k[n], out_k[n], total[k * N + n]
                    if N <= SHORT:
                        for j in range(N):
                            out_n[j] = g * ago[j]
                            into[j] += row[j] * g
                    else:
                        for j in range(N):
                            out_n[j] = g * ago[j]
                            into[j] += row[j] * g
