"""The scan as one pass over memory: a block of columns is held while time runs over it."""
import numpy as np
import torch
from torch import Tensor

from reprise.ops.linear_scan.operator import operator
from reprise.ops.threads import share_out
from reprise.ops.vector_math import compiled

__all__ = ["linear_scan"]

BLOCK = 512  # numbers of a row that are held at once: they stay in the nearest cache


def _forward(a: Tensor, b: Tensor, h: Tensor) -> Tensor:
    every = torch.empty_like(b, memory_format=torch.contiguous_format)
    kernel = forward_complex if b.is_complex() else forward
    share_out(kernel, len(b) * _blocks(b), *map(_array, (a, b, h, every)))
    return every


def _backward(a: Tensor, h: Tensor, every: Tensor, grad: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    grad_a, grad_b, grad_h = (torch.empty_like(z, memory_format=torch.contiguous_format) for z in (every, every, h))
    kernel = backward_complex if h.is_complex() else backward
    share_out(kernel, len(h) * _blocks(every), *map(_array, (a, h, every, grad, grad_a, grad_b, grad_h)))
    return grad_a, grad_b, grad_h


linear_scan = operator("numba", _forward, _backward)


def _array(z: Tensor) -> np.ndarray:
    """As Numba takes it: in order, and a complex number as two reals side by side."""
    z = z.resolve_conj()
    return (torch.view_as_real(z).flatten(-2) if z.is_complex() else z).contiguous().numpy()


def _blocks(b: Tensor) -> int:
    return -(-b.shape[2] * (2 if b.is_complex() else 1) // BLOCK)


@compiled
def forward(first, last, a, b, h, every):
    T, N = b.shape[1:]
    blocks = (N + BLOCK - 1) // BLOCK
    row, step = min(a.shape[0] - 1, 1), min(a.shape[1] - 1, 1)  # 0 where one decay serves all
    for piece in range(first, last):
        i, low = piece // blocks, piece % blocks * BLOCK
        high = min(low + BLOCK, N)
        now = h[i, low:high].copy()
        for t in range(T):
            a_t, b_t, out = a[i * row, t * step, low:high], b[i, t, low:high], every[i, t, low:high]
            for j in range(high - low):
                now[j] = a_t[j] * now[j] + b_t[j]
                out[j] = now[j]


@compiled
def backward(first, last, a, h, every, grad, grad_a, grad_b, grad_h):
    T, N = every.shape[1:]
    blocks = (N + BLOCK - 1) // BLOCK
    row, step = min(a.shape[0] - 1, 1), min(a.shape[1] - 1, 1)
    for piece in range(first, last):
        i, low = piece // blocks, piece % blocks * BLOCK
        high = min(low + BLOCK, N)
        now = np.zeros(high - low, every.dtype)
        for t in range(T - 1, -1, -1):
            a_t, g_t = a[i * row, t * step, low:high], grad[i, t, low:high]
            before = every[i, t - 1, low:high] if t else h[i, low:high]
            out_a, out_b = grad_a[i, t, low:high], grad_b[i, t, low:high]
            for j in range(high - low):
                total = now[j] + g_t[j]
                out_b[j] = total
                out_a[j] = total * before[j]
                now[j] = total * a_t[j]
        grad_h[i, low:high] = now


@compiled
def forward_complex(first, last, a, b, h, every):
    T, N = b.shape[1:]
    blocks = (N + BLOCK - 1) // BLOCK
    row, step = min(a.shape[0] - 1, 1), min(a.shape[1] - 1, 1)
    for piece in range(first, last):
        i, low = piece // blocks, piece % blocks * BLOCK
        high = min(low + BLOCK, N)
        now = h[i, low:high].copy()
        for t in range(T):
            a_t, b_t, out = a[i * row, t * step, low:high], b[i, t, low:high], every[i, t, low:high]
            for j in range((high - low) // 2):
                real = a_t[2 * j] * now[2 * j] - a_t[2 * j + 1] * now[2 * j + 1] + b_t[2 * j]
                imag = a_t[2 * j] * now[2 * j + 1] + a_t[2 * j + 1] * now[2 * j] + b_t[2 * j + 1]
                now[2 * j], now[2 * j + 1] = real, imag
                out[2 * j], out[2 * j + 1] = real, imag


@compiled
def backward_complex(first, last, a, h, every, grad, grad_a, grad_b, grad_h):
    T, N = every.shape[1:]
    blocks = (N + BLOCK - 1) // BLOCK
    row, step = min(a.shape[0] - 1, 1), min(a.shape[1] - 1, 1)
    for piece in range(first, last):
        i, low = piece // blocks, piece % blocks * BLOCK
        high = min(low + BLOCK, N)
        now = np.zeros(high - low, every.dtype)
        for t in range(T - 1, -1, -1):
            a_t, g_t = a[i * row, t * step, low:high], grad[i, t, low:high]
            before = every[i, t - 1, low:high] if t else h[i, low:high]
            out_a, out_b = grad_a[i, t, low:high], grad_b[i, t, low:high]
            for j in range((high - low) // 2):
                real, imag = now[2 * j] + g_t[2 * j], now[2 * j + 1] + g_t[2 * j + 1]
                out_b[2 * j], out_b[2 * j + 1] = real, imag
                out_a[2 * j] = real * before[2 * j] + imag * before[2 * j + 1]
                out_a[2 * j + 1] = imag * before[2 * j] - real * before[2 * j + 1]
                now[2 * j] = real * a_t[2 * j] + imag * a_t[2 * j + 1]
                now[2 * j + 1] = imag * a_t[2 * j] - real * a_t[2 * j + 1]
        grad_h[i, low:high] = now
