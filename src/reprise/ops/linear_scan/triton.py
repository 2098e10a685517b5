"""The scan on a GPU: a program holds a tile of steps and columns, and hands its last row on to the next tile.

Where rows and columns are too few to fill the chip, time is cut into spans as well: what each span would make of a
memory of zero, what it leaves of one, the same scan over these, and each span once more from its own start.
A gradient is the same scan from the right (Martin & Cundy 2018, arXiv:1709.04057, app. A); and where sum and maximum
take the places of product and sum, it scans maxima.
"""
import torch
import triton
import triton.language as tl
from jaxtyping import Float
from torch import Tensor

from reprise.ops.custom_op import custom_op
from reprise.ops.gpu import compiled, start, width
from reprise.ops.linear_scan.operator import operator, rows

__all__ = ["join", "linear_scan", "maximum_scan"]

TILE = 256  # bytes of a column that a program holds at once: more would not fit its registers
FULL = 512  # programs that keep a chip busy


def forward(a: Tensor, b: Tensor, h: Tensor) -> Tensor:
    return _every(a, b, h, MAXIMUM=False)


def backward(a: Tensor, h: Tensor, every: Tensor, grad: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    a, h, every, grad = map(_in_order, (a, h, every, grad))
    grad_a, grad_b = torch.empty_like(grad), torch.empty_like(grad)
    modes = {"BACKWARD": True, "MAXIMUM": False}
    starts, span = _starts(a, grad, torch.zeros_like(h), **modes)
    _launch((a, grad, starts, grad_b, every, h, grad_a), span, SUMMARY=False, **modes)
    return grad_a, grad_b, a[:, 0].conj() * grad_b[:, 0]


linear_scan = operator("triton", forward, backward)


@custom_op("reprise::maximum_scan_triton")
def _maxima(a: Tensor, b: Tensor, m: Tensor) -> Tensor:
    return _every(a, b, m, MAXIMUM=True)


@_maxima.register_fake
def _(a, b, m):
    return torch.empty_like(b, memory_format=torch.contiguous_format)


def maximum_scan(
    a: Float[Tensor, "B T *N"], b: Float[Tensor, "B T *N"], m: Float[Tensor, "B *N"]
) -> Float[Tensor, "B T *N"]:
    """m_t = max(m_{t-1} + a_t, b_t), every one; without a gradient."""
    return _maxima(*rows(a, b, m)).reshape(b.shape)


def _every(a: Tensor, b: Tensor, h: Tensor, MAXIMUM: bool) -> Tensor:
    a, b, h = map(_in_order, (a, b, h))
    every = torch.empty_like(b)
    modes = {"BACKWARD": False, "MAXIMUM": MAXIMUM}
    starts, span = _starts(a, b, h, **modes)
    _launch((a, b, starts, every, b, h, b), span, SUMMARY=False, **modes)
    return every


def _starts(a: Tensor, b: Tensor, h: Tensor, *, BACKWARD: bool, MAXIMUM: bool) -> tuple[Tensor, int]:
    """What each span of time begins with (B spans N), in the order the scan runs, and the steps of a span."""
    (B, T, N), steps = b.shape, _steps(b)
    tiles = triton.cdiv(T, steps)
    count = max(1, min(tiles, FULL // max(B * triton.cdiv(N, width(N)), 1)))
    span = triton.cdiv(tiles, count) * steps
    if span >= T:
        return h[:, None], span
    left, end = (b.new_empty(B, triton.cdiv(T, span), N) for _ in range(2))
    _launch((a, b, left, end, b, h, left), span, SUMMARY=True, BACKWARD=BACKWARD, MAXIMUM=MAXIMUM)
    return torch.cat([h[:, None], _every(left, end, h, MAXIMUM)[:, :-1]], 1), span


def _launch(tensors: tuple[Tensor, ...], span: int, **modes: bool) -> None:
    a, (B, T, N) = tensors[0], tensors[1].shape
    row, step = (0 if size == 1 else stride for size, stride in zip(a.shape[:2], (T * N, N), strict=True))
    grid = B * triton.cdiv(T, span), triton.cdiv(N, width(N))
    sizes = {"COMPLEX": a.is_complex(), "TILE": _steps(tensors[1]), "BLOCK": width(N)}
    start(scan, grid, *tensors, T, N, span, row, step, **modes, **sizes)


def _steps(z: Tensor) -> int:
    return min(TILE // z.element_size(), triton.next_power_of_2(z.shape[1]))


def _in_order(z: Tensor) -> Tensor:
    return z.resolve_conj().contiguous()


@compiled
def join(a, x, b, y):
    """First h -> a h + x, then h -> b h + y."""
    return b * a, b * x + y


@compiled
def join_maxima(a, x, b, y):
    """First m -> max(m + a, x), then m -> max(m + b, y)."""
    return a + b, tl.maximum(x + b, y)


@compiled
def join_complex(a, c, x, z, b, d, y, w):
    """The same with complex numbers: a + i c, x + i z, b + i d, y + i w."""
    return b * a - d * c, b * c + d * a, b * x - d * z + y, b * z + d * x + w


@compiled
def take(p, at, there, other, COMPLEX: tl.constexpr):
    """Real and imaginary part; of a real number itself twice."""
    if COMPLEX:
        real, imag = tl.load(p + 2 * at, there, other), tl.load(p + 2 * at + 1, there, 0.0)
    else:
        real = tl.load(p + at, there, other)
        imag = real
    return real, imag


@compiled
def give(p, at, there, real, imag, COMPLEX: tl.constexpr):
    if COMPLEX:
        tl.store(p + 2 * at, real, there)
        tl.store(p + 2 * at + 1, imag, there)
    else:
        tl.store(p + at, real, there)


@compiled
def last(x, TILE: tl.constexpr):
    """The last row of a tile."""
    return tl.sum(tl.where(tl.arange(0, TILE)[:, None] == TILE - 1, x, 0.0), 0)


@compiled
def scan(
    a, b, starts, out, every, h, out_a, T, N, span, row_stride, step_stride,
    BACKWARD: tl.constexpr, SUMMARY: tl.constexpr, MAXIMUM: tl.constexpr, COMPLEX: tl.constexpr, TILE: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """One span of one block of columns.

    out: every h_t; or where BACKWARD, which runs from the last step to the first, the gradient in every b_t.
    SUMMARY: only the end of the span goes to `out`, and to `starts` what the span leaves of a memory.
    MAXIMUM: of real numbers, forward only.
    """
    ONE: tl.constexpr = 0.0 if MAXIMUM else 1.0
    ZERO: tl.constexpr = -float("inf") if MAXIMUM else 0.0
    piece, n = tl.program_id(0).to(tl.int64), tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    spans = tl.cdiv(T, span)
    row, begin = piece // spans, piece % spans * span
    step, column = tl.arange(0, TILE), (n < N)[None, :]
    now, now_i = take(starts, piece * N + n, (n < N) & (not SUMMARY), ZERO, COMPLEX)
    left, left_i = tl.zeros_like(now) + ONE, tl.zeros_like(now)
    for k in range(0, span, TILE):
        i = (begin + k + step)[:, None]
        t = i
        if BACKWARD:
            t = T - 1 - i
        there = (i < T) & column
        at = (row * T + t) * N + n[None, :]
        x, x_i = take(b, at, there, ZERO, COMPLEX)
        if BACKWARD:  # the decay of the step after
            of = row * row_stride + (t + 1) * step_stride + n[None, :]
            w, w_i = take(a, of, there & (i > 0), 1.0, COMPLEX)
            w_i = -w_i
        else:
            w, w_i = take(a, row * row_stride + t * step_stride + n[None, :], there, ONE, COMPLEX)
        if COMPLEX:
            x = tl.where(step[:, None] == 0, x + w * now - w_i * now_i, x)
            x_i = tl.where(step[:, None] == 0, x_i + w * now_i + w_i * now, x_i)
            w, w_i, x, x_i = tl.associative_scan((w, w_i, x, x_i), 0, join_complex)
        elif MAXIMUM:
            x = tl.where(step[:, None] == 0, tl.maximum(x, w + now), x)
            w, x = tl.associative_scan((w, x), 0, join_maxima)
        else:
            x = tl.where(step[:, None] == 0, x + w * now, x)
            w, x = tl.associative_scan((w, x), 0, join)
        if SUMMARY:
            p = last(w, TILE)
            if COMPLEX:
                p_i = last(w_i, TILE)
                left, left_i = left * p - left_i * p_i, left * p_i + left_i * p
            elif MAXIMUM:
                left = left + p
            else:
                left = left * p
        else:
            give(out, at, there, x, x_i, COMPLEX)
        if BACKWARD and not SUMMARY:
            before, before_i = take(every, at - N, there & (t > 0), 0.0, COMPLEX)
            first, first_i = take(h, row * N + n[None, :] + 0 * t, there & (t == 0), 0.0, COMPLEX)
            before, before_i = before + first, before_i + first_i
            if COMPLEX:
                give(out_a, at, there, x * before + x_i * before_i, x_i * before - x * before_i, COMPLEX)
            else:
                give(out_a, at, there, x * before, x, COMPLEX)
        now = last(x, TILE)
        if COMPLEX:
            now_i = last(x_i, TILE)
    if SUMMARY:
        give(out, piece * N + n, n < N, now, now_i, COMPLEX)
        give(starts, piece * N + n, n < N, left, left_i, COMPLEX)
