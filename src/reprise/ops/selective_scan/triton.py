"""The same recurrence on a GPU: every piece of `STEPS` steps is a program of its own, (B T D N) nowhere.

First what each piece would make of a state of zero, and what it leaves of one; then the linear scan over these, which
gives the state at every border; then what is read, each piece from its own border. Gradients go the same way from the
right. Within a piece states are scanned as one tile of steps and channels, one state number after the other.
"""
import torch
import triton
import triton.language as tl
from torch import Tensor

from reprise.ops.gpu import compiled, start, width
from reprise.ops.linear_scan.triton import forward as hand_on, join
from reprise.ops.selective_scan.operator import STEPS, operator

__all__ = ["selective_scan"]


def forward(
    A: Tensor, h: Tensor, kept: Tensor | None, keep_borders: bool, u: Tensor, dt: Tensor, B: Tensor, C: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    A, h, u, dt, B, C = (z.contiguous() for z in (A, h, u, dt, B, C))
    y, left, end = torch.empty_like(u), *_pieces(h, u)
    _launch(summarise, kept, A, dt, u, B, left, end, BACKWARD=False)
    after = _hand_on(left, end, h)
    borders = torch.cat([h[:, None], after[:, :-1]], 1)
    _launch(read, kept, A, dt, u, B, C, borders, y)
    return y, after[:, -1].clone(), borders if keep_borders else borders[:, :0].clone()


def backward(
    A: Tensor, kept: Tensor | None, u: Tensor, dt: Tensor, B: Tensor, C: Tensor, borders: Tensor, grad_y: Tensor,
    grad_end: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    A, u, dt, B, C, grad_y, grad_end = (z.contiguous() for z in (A, u, dt, B, C, grad_y, grad_end))
    left, end = _pieces(grad_end, u)
    _launch(summarise, kept, A, dt, grad_y, C, left, end, BACKWARD=True)
    before = _hand_on(left.flip(1), end.flip(1), grad_end).flip(1)  # the gradient in the state before each piece
    after = torch.cat([before[:, 1:], grad_end[:, None]], 1)
    of_A, of_u, of_dt = torch.empty_like(borders), torch.empty_like(u), torch.empty_like(u)
    of_B, of_C = (B.new_empty(triton.cdiv(u.shape[2], width(u.shape[2])), *B.shape) for _ in range(2))
    _launch(differentiate, kept, A, dt, u, B, C, borders, grad_y, after, of_A, of_u, of_dt, of_B, of_C)
    return of_A.sum((0, 1)), before[:, 0].clone(), of_u, of_dt, of_B.sum(0), of_C.sum(0)


selective_scan = operator("triton", forward, backward)


def _pieces(h: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
    """Room for two states a piece (B pieces N D)."""
    return tuple(h.new_empty(len(h), triton.cdiv(u.shape[1], STEPS), *h.shape[1:]) for _ in range(2))


def _hand_on(left: Tensor, end: Tensor, h: Tensor) -> Tensor:
    """The state after every piece."""
    return hand_on(left.flatten(2), end.flatten(2), h.flatten(1)).view_as(end)


def _launch(kernel, kept: Tensor | None, A: Tensor, dt: Tensor, *tensors: Tensor, **modes: bool) -> None:
    (B, T, D), marked = dt.shape, kept is not None
    marks = kept.contiguous().view(torch.uint8) if marked else dt
    sizes = {"MARKED": marked, "STEPS": min(STEPS, triton.next_power_of_2(T)), "BLOCK": width(D)}
    grid = B * triton.cdiv(T, STEPS), triton.cdiv(D, width(D))
    start(kernel, grid, A, marks, dt, *tensors, B, T, D, len(A), **modes, **sizes)


@compiled
def forgotten(kept, at, there, MARKED: tl.constexpr):
    """One where the state is forgotten first, else zero."""
    lost = tl.zeros_like(at).to(tl.int32)
    if MARKED:
        lost = 1 - tl.load(kept + at, there, 1).to(tl.int32)
    return lost


@compiled
def summarise(
    A, kept, dt, value, gate, left, end, B, T, D, N,
    BACKWARD: tl.constexpr, MARKED: tl.constexpr, STEPS: tl.constexpr, BLOCK: tl.constexpr,
):
    """What a piece makes of a state of zero, `end`, and what it leaves of a state.

    The sum over its steps of value (u dt, or the gradient in y) and gate (B, or C), with the decay that is between:
    after the step, or where BACKWARD up to and with it. Decays multiply as times add.
    """
    piece, d = tl.program_id(0).to(tl.int64), tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    parts, step = tl.cdiv(T, STEPS), tl.arange(0, STEPS)
    row, t = piece // parts, piece % parts * STEPS + step
    in_time, column = t < T, d < D
    at, there = row * T + t, in_time[:, None] & column[None, :]
    cell = at[:, None] * D + d[None, :]
    time, value_t = tl.load(dt + cell, there, 0.0), tl.load(value + cell, there, 0.0)
    lost = forgotten(kept, at, in_time, MARKED)
    whole, any_lost = tl.sum(time, 0), tl.sum(lost, 0)
    if BACKWARD:
        between, lost_between = tl.cumsum(time, 0), tl.cumsum(lost, 0)
    else:
        value_t = value_t * time
        follows = (step + 1 < STEPS) & (t + 1 < T)
        between = tl.cumsum(tl.load(dt + cell + D, follows[:, None] & column[None, :], 0.0), 0, reverse=True)
        lost_between = tl.cumsum(forgotten(kept, at + 1, follows, MARKED), 0, reverse=True)
    for n in range(N):
        A_n = tl.load(A + n * D + d, column, 0.0)
        gate_n = tl.load(gate + at * N + n, in_time, 0.0)
        decay = tl.where(lost_between[:, None] > 0, 0.0, tl.exp(between * A_n[None, :]))
        target = (piece * N + n) * D + d
        tl.store(end + target, tl.sum(decay * value_t * gate_n[:, None], 0), column)
        tl.store(left + target, tl.where(any_lost > 0, 0.0, tl.exp(whole * A_n)), column)


@compiled
def read(
    A, kept, dt, u, write, ask, borders, y, B, T, D, N,
    MARKED: tl.constexpr, STEPS: tl.constexpr, BLOCK: tl.constexpr,
):
    """y of one piece from the state at its border."""
    piece, d = tl.program_id(0).to(tl.int64), tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    parts, step = tl.cdiv(T, STEPS), tl.arange(0, STEPS)
    row, t = piece // parts, piece % parts * STEPS + step
    in_time, column = t < T, d < D
    at, there = row * T + t, in_time[:, None] & column[None, :]
    cell = at[:, None] * D + d[None, :]
    time = tl.load(dt + cell, there, 0.0)
    taken, total = time * tl.load(u + cell, there, 0.0), time * 0.0
    lost = forgotten(kept, at, in_time, MARKED)
    for n in range(N):
        A_n = tl.load(A + n * D + d, column, 0.0)
        border = tl.load(borders + (piece * N + n) * D + d, column, 0.0)
        decay = tl.where(lost[:, None] > 0, 0.0, tl.exp(time * A_n[None, :]))
        new = taken * tl.load(write + at * N + n, in_time, 0.0)[:, None]
        new = tl.where(step[:, None] == 0, new + decay * border[None, :], new)
        decay, h = tl.associative_scan((decay, new), 0, join)
        total += h * tl.load(ask + at * N + n, in_time, 0.0)[:, None]
    tl.store(y + cell, total, there)


@compiled
def differentiate(
    A, kept, dt, u, write, ask, borders, grad_y, after, of_A, of_u, of_dt, of_B, of_C, B, T, D, N,
    MARKED: tl.constexpr, STEPS: tl.constexpr, BLOCK: tl.constexpr,
):
    """All gradients of one piece, from the state at its border and the gradient in the state `after` it.

    States before each step, and gradients in the state after it, are scans whose decays are those of the steps
    before and after: they are loaded as such, since a tile cannot be shifted.
    """
    piece, block = tl.program_id(0).to(tl.int64), tl.program_id(1)
    d, step, parts = block * BLOCK + tl.arange(0, BLOCK), tl.arange(0, STEPS), tl.cdiv(T, STEPS)
    row, t = piece // parts, piece % parts * STEPS + step
    in_time, column = t < T, d < D
    precedes, follows = in_time & (step > 0), (step + 1 < STEPS) & (t + 1 < T)
    at, there = row * T + t, in_time[:, None] & column[None, :]
    cell = at[:, None] * D + d[None, :]
    has_before, has_after = precedes[:, None] & column[None, :], follows[:, None] & column[None, :]
    time, u_t = tl.load(dt + cell, there, 0.0), tl.load(u + cell, there, 0.0)
    grad_t = tl.load(grad_y + cell, there, 0.0)
    time_before, time_after = tl.load(dt + cell - D, has_before, 0.0), tl.load(dt + cell + D, has_after, 0.0)
    taken, taken_before = time * u_t, time_before * tl.load(u + cell - D, has_before, 0.0)
    lost = forgotten(kept, at, in_time, MARKED)[:, None] > 0
    lost_before = forgotten(kept, at - 1, precedes, MARKED)[:, None] > 0
    lost_after = forgotten(kept, at + 1, follows, MARKED)[:, None] > 0
    of_taken, of_time = time * 0.0, time * 0.0
    for n in range(N):
        state = (piece * N + n) * D + d
        A_n = tl.load(A + n * D + d, column, 0.0)[None, :]
        border, carry = tl.load(borders + state, column, 0.0), tl.load(after + state, column, 0.0)
        write_n = tl.load(write + at * N + n, in_time, 0.0)[:, None]
        write_before = tl.load(write + (at - 1) * N + n, precedes, 0.0)[:, None]
        decay_before = tl.where(lost_before, 0.0, tl.exp(time_before * A_n))
        new = tl.where(step[:, None] == 0, border[None, :], taken_before * write_before)
        decay_before, h_before = tl.associative_scan((decay_before, new), 0, join)
        remains = tl.where(lost, 0.0, tl.exp(time * A_n)) * h_before
        h = remains + taken * write_n
        grad = grad_t * tl.load(ask + at * N + n, in_time, 0.0)[:, None]
        grad = tl.where(step[:, None] == STEPS - 1, grad + carry[None, :], grad)
        decay_after = tl.where(lost_after, 0.0, tl.exp(time_after * A_n))
        decay_after, of_h = tl.associative_scan((decay_after, grad), 0, join, reverse=True)
        of_log = of_h * remains
        of_taken += of_h * write_n
        of_time += of_log * A_n
        tl.store(of_A + state, tl.sum(of_log * time, 0), column)
        own = ((block * B + row) * T + t) * N + n
        tl.store(of_B + own, tl.sum(of_h * taken, 1), in_time)
        tl.store(of_C + own, tl.sum(grad_t * h, 1), in_time)
    tl.store(of_u + cell, of_taken * time, there)
    tl.store(of_dt + cell, of_time + of_taken * u_t, there)
