"""The same recurrence in one pass: a block of channels is held while time runs over it, (B T D N) nowhere.

A block is always `WIDE` channels, of which the last may idle, and what a loop touches lies in few arrays, `WIDE` apart:
the compiler then sees what cannot overlap and makes the loops wide. Two states go together: half the memory traffic.
"""
from functools import partial

import numpy as np
import torch
from torch import Tensor

from reprise.ops.selective_scan.exp2 import exp2
from reprise.ops.selective_scan.operator import STEPS, operator, outputs
from reprise.ops.threads import share_out
from reprise.ops.vector_math import compiled, copy, fill

__all__ = ["selective_scan"]

WIDE = 128  # channels that are held at once
LOG2_E = 1.4426950408889634
summing = partial(compiled, any_order=True)


def _forward(
    A: Tensor, h: Tensor, kept: Tensor | None, keep_borders: bool, u: Tensor, dt: Tensor, B: Tensor, C: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    y, end, borders = outputs(h, keep_borders, u)
    rows = map(_rows, (A, h, u, dt, B, C, y, end, borders))
    share_out(forward, len(u) * _blocks(u), u.shape[1], _marked(kept), *rows)
    return y, end, borders


def _backward(
    A: Tensor, kept: Tensor | None, u: Tensor, dt: Tensor, B: Tensor, C: Tensor, borders: Tensor, grad_y: Tensor,
    grad_end: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    of_A, of_h, of_u, of_dt = (torch.empty(z.shape, dtype=u.dtype) for z in (grad_end, grad_end, u, u))
    of_B, of_C = (B.new_empty(_blocks(u), *B.shape) for _ in range(2))  # by block: threads do not meet
    rows = map(_rows, (A, u, dt, B, C, borders, grad_y, grad_end, of_A, of_h, of_u, of_dt, of_B, of_C))
    share_out(backward, len(u) * _blocks(u), u.shape[1], _marked(kept), *rows)
    return of_A.sum(0), of_h, of_u, of_dt, of_B.sum(0), of_C.sum(0)


selective_scan = operator("numba", _forward, _backward)


def _marked(kept: Tensor | None) -> np.ndarray:
    return np.empty(0, bool) if kept is None else kept.flatten().numpy()


def _rows(z: Tensor) -> np.ndarray:
    """As Numba takes it: every row by a number, in order; two dimensions compile in half the time of four."""
    return z.contiguous().flatten(0, -2).numpy()


def _blocks(u: Tensor) -> int:
    return -(-u.shape[2] // WIDE)


# `row` holds one step of a block, each WIDE long: 0 y, or the gradient in it; 1 dt; 2 u; 3 dt u; 4 dt log2(e);
# 5 the gradient in dt u; 6 that in dt through the decay. `group` is what goes on in time, two states to a row.


@compiled
def take(source, r, low, high, target, at):
    copy(source[r, low:high], target[at:])


@compiled
def give(source, at, target, r, low, high):
    copy(source[at : at + high - low], target[r, low:high])


@compiled
def load(u, dt, r, low, high, row, log2_e):
    u_t, dt_t = u[r, low:high], dt[r, low:high]
    for j in range(high - low):
        row[j] = 0
        row[WIDE + j] = dt_t[j]
        row[2 * WIDE + j] = u_t[j]
        row[3 * WIDE + j] = dt_t[j] * u_t[j]
        row[4 * WIDE + j] = dt_t[j] * log2_e


@compiled
def advance(row, group, b, c):
    """group, of two states each: h, A."""
    for n in range(len(group)):
        b0, b1, c0, c1, two = b[2 * n], b[2 * n + 1], c[2 * n], c[2 * n + 1], group[n]
        for j in range(WIDE):
            h0 = exp2(row[4 * WIDE + j] * two[2 * WIDE + j]) * two[j] + row[3 * WIDE + j] * b0
            h1 = exp2(row[4 * WIDE + j] * two[3 * WIDE + j]) * two[WIDE + j] + row[3 * WIDE + j] * b1
            two[j], two[WIDE + j] = h0, h1
            row[j] += c0 * h0 + c1 * h1


@compiled
def forward(first, last, T, kept, A, h, u, dt, B, C, y, end, borders):
    (N, D), log2_e = A.shape, u.dtype.type(LOG2_E)
    blocks, pairs, parts = (D + WIDE - 1) // WIDE, (N + 1) // 2, (T + STEPS - 1) // STEPS
    row, group = np.zeros(5 * WIDE, u.dtype), np.zeros((pairs, 4 * WIDE), u.dtype)
    b, c = np.zeros(2 * pairs, u.dtype), np.zeros(2 * pairs, u.dtype)
    for piece in range(first, last):
        i, low = piece // blocks, piece % blocks * WIDE
        high = min(low + WIDE, D)
        for z in (row, group.reshape(-1)):  # channels that idle stay zero
            fill(z, 0)
        for n in range(N):
            take(h, i * N + n, low, high, group[n // 2], n % 2 * WIDE)
            take(A, n, low, high, group[n // 2], (2 + n % 2) * WIDE)
        for t in range(T):
            if t % STEPS == 0 and len(borders):
                for n in range(N):
                    give(group[n // 2], n % 2 * WIDE, borders, (i * parts + t // STEPS) * N + n, low, high)
            if len(kept) and not kept[i * T + t]:
                for n in range(pairs):
                    fill(group[n, : 2 * WIDE], 0)
            r = i * T + t
            load(u, dt, r, low, high, row, log2_e)
            copy(B[r], b)
            copy(C[r], c)
            advance(row, group, b, c)
            copy(row[: high - low], y[r, low:high])
        for n in range(N):
            give(group[n // 2], n % 2 * WIDE, end, i * N + n, low, high)


@compiled
def again(now, before, group, row, b):
    """now, before, of two states each: h, decay.   group: as in `retreat`."""
    for n in range(len(group)):
        b0, b1, two, h, ago = b[2 * n], b[2 * n + 1], group[n], now[n], before[n]
        for j in range(WIDE):
            decay0, decay1 = exp2(row[4 * WIDE + j] * two[j]), exp2(row[4 * WIDE + j] * two[WIDE + j])
            h[2 * WIDE + j], h[3 * WIDE + j] = decay0, decay1
            h[j] = decay0 * ago[j] + row[3 * WIDE + j] * b0
            h[WIDE + j] = decay1 * ago[WIDE + j] + row[3 * WIDE + j] * b1


@summing
def retreat(now, before, group, row, b, c, of_b, of_c):
    """group, of two states each: A, the gradients in h and in A, which go one step back."""
    for n in range(len(group)):
        b0, b1, c0, c1, two, h, ago = b[2 * n], b[2 * n + 1], c[2 * n], c[2 * n + 1], group[n], now[n], before[n]
        of_b0 = of_b1 = of_c0 = of_c1 = b0 - b0
        for j in range(WIDE):
            of_h0, of_h1 = two[2 * WIDE + j] + c0 * row[j], two[3 * WIDE + j] + c1 * row[j]
            of_c0 += row[j] * h[j]
            of_c1 += row[j] * h[WIDE + j]
            of_b0 += of_h0 * row[3 * WIDE + j]
            of_b1 += of_h1 * row[3 * WIDE + j]
            row[5 * WIDE + j] += of_h0 * b0 + of_h1 * b1
            left0, left1 = of_h0 * h[2 * WIDE + j], of_h1 * h[3 * WIDE + j]
            of_log0, of_log1 = left0 * ago[j], left1 * ago[WIDE + j]
            row[6 * WIDE + j] += of_log0 * two[j] + of_log1 * two[WIDE + j]
            two[4 * WIDE + j] += of_log0 * row[WIDE + j]
            two[5 * WIDE + j] += of_log1 * row[WIDE + j]
            two[2 * WIDE + j], two[3 * WIDE + j] = left0, left1
        of_b[2 * n], of_b[2 * n + 1], of_c[2 * n], of_c[2 * n + 1] = of_b0, of_b1, of_c0, of_c1


@compiled
def backward(first, last, T, kept, A, u, dt, B, C, borders, grad_y, grad_end, of_A, of_h, of_u, of_dt, of_B, of_C):
    (N, D), log2_e = A.shape, u.dtype.type(LOG2_E)
    blocks, pairs, parts = (D + WIDE - 1) // WIDE, (N + 1) // 2, (T + STEPS - 1) // STEPS
    row, group = np.zeros(7 * WIDE, u.dtype), np.zeros((pairs, 6 * WIDE), u.dtype)
    states, small = np.zeros((STEPS + 1, pairs, 4 * WIDE), u.dtype), np.zeros((4, 2 * pairs), u.dtype)
    nothing, b, c, of_b, of_c = np.zeros((pairs, 4 * WIDE), u.dtype), small[0], small[1], small[2], small[3]
    for piece in range(first, last):
        i, low = piece // blocks, piece % blocks * WIDE
        high = min(low + WIDE, D)
        for z in (row, group.reshape(-1), states[0].reshape(-1)):
            fill(z, 0)
        for n in range(N):
            take(A, n, low, high, group[n // 2], n % 2 * WIDE)
            take(grad_end, i * N + n, low, high, group[n // 2], (2 + n % 2) * WIDE)
        for k in range(parts - 1, -1, -1):
            start, stop = i * T + k * STEPS, i * T + min(k * STEPS + STEPS, T)
            for n in range(N):
                take(borders, (i * parts + k) * N + n, low, high, states[0, n // 2], n % 2 * WIDE)
            for r in range(start, stop):
                load(u, dt, r, low, high, row, log2_e)
                copy(B[r], b)
                forgets = len(kept) and not kept[r]
                again(states[r - start + 1], nothing if forgets else states[r - start], group, row, b)
                for n in range(pairs if forgets else 0):
                    fill(states[r - start + 1, n, 2 * WIDE :], 0)
            for r in range(stop - 1, start - 1, -1):
                load(u, dt, r, low, high, row, log2_e)
                copy(grad_y[r, low:high], row)
                fill(row[5 * WIDE :], 0)
                copy(B[r], b)
                copy(C[r], c)
                retreat(states[r - start + 1], states[r - start], group, row, b, c, of_b, of_c)
                copy(of_b[:N], of_B[piece % blocks * len(B) + r])
                copy(of_c[:N], of_C[piece % blocks * len(C) + r])
                for j in range(WIDE):
                    row[6 * WIDE + j] += row[5 * WIDE + j] * row[2 * WIDE + j]
                    row[5 * WIDE + j] *= row[WIDE + j]
                copy(row[5 * WIDE : 5 * WIDE + high - low], of_u[r, low:high])
                copy(row[6 * WIDE : 6 * WIDE + high - low], of_dt[r, low:high])
        for n in range(N):
            give(group[n // 2], (2 + n % 2) * WIDE, of_h, i * N + n, low, high)
            give(group[n // 2], (4 + n % 2) * WIDE, of_A, i * N + n, low, high)
