"""The same convolution in one pass over memory: all taps of a step, and both gradients, while its rows are near."""
import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from reprise.core.marks import NO_MARKS, Marks
from reprise.ops.custom_op import custom_op
from reprise.ops.threads import share_out
from reprise.ops.vector_math import compiled, copy, fill

__all__ = ["short_convolution"]

STEPS, WIDE = 256, 512  # a piece of work: so many steps of so many channels


def short_convolution(
    x: Float[Tensor, "B T D"], weight: Float[Tensor, "W D"], tail: Float[Tensor, "B W-1 D"], marks: Marks = NO_MARKS
) -> tuple[Float[Tensor, "B T D"], Float[Tensor, "B W-1 D"]]:
    return convolution(x, weight, tail, marks.real, marks.fresh)


@custom_op("reprise::short_convolution")
def convolution(
    x: Tensor, weight: Tensor, tail: Tensor, real: Tensor | None, fresh: Tensor | None
) -> tuple[Tensor, Tensor]:
    y, end = torch.empty(x.shape, dtype=x.dtype), torch.empty(tail.shape, dtype=x.dtype)
    share_out(forward, _pieces(x), *_ends_and_starts(x, real, fresh), *map(_rows, (x, weight, tail, y, end)))
    return y, end


@convolution.register_fake
def _(x, weight, tail, real, fresh):
    return torch.empty(x.shape, dtype=x.dtype), torch.empty(tail.shape, dtype=x.dtype)


@custom_op("reprise::short_convolution_backward")
def convolution_backward(
    x: Tensor, weight: Tensor, tail: Tensor, real: Tensor | None, fresh: Tensor | None, of_y: Tensor, of_end: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients in x, weight and tail."""
    of_x, of_tail = torch.empty(x.shape, dtype=x.dtype), torch.empty(tail.shape, dtype=x.dtype)
    of_weight = x.new_empty(len(x) * -(-x.shape[1] // STEPS), *weight.shape)  # by stretch of time: threads do not meet
    rows = map(_rows, (x, weight, tail, of_y, of_end, of_x, of_weight, of_tail))
    share_out(backward, _pieces(x), *_ends_and_starts(x, real, fresh), *rows)
    return of_x, of_weight.sum(0), of_tail


@convolution_backward.register_fake
def _(x, weight, tail, real, fresh, of_y, of_end):
    return tuple(torch.empty(z.shape, dtype=x.dtype) for z in (x, weight, tail))


def _keep(ctx, inputs, output):
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(*inputs)


def _gradients(ctx, of_y, of_end):
    x, _, tail, *_ = ctx.saved_tensors
    of_y = torch.zeros_like(x) if of_y is None else of_y
    of_end = torch.zeros_like(tail) if of_end is None else of_end
    return *convolution_backward(*ctx.saved_tensors, of_y, of_end), None, None


convolution.register_autograd(_gradients, setup_context=_keep)


def _pieces(x: Tensor) -> int:
    return len(x) * -(-x.shape[1] // STEPS) * -(-x.shape[2] // WIDE)


def _ends_and_starts(x: Tensor, real: Tensor | None, fresh: Tensor | None) -> tuple[np.ndarray, np.ndarray]:
    """Real steps of every row, and whether each step begins a sequence."""
    B, T = x.shape[:2]
    ends = np.full(B, T) if real is None else real.sum(1).numpy()
    return ends, np.zeros((B, T), bool) if fresh is None else fresh.contiguous().numpy()


def _rows(z: Tensor) -> np.ndarray:
    return z.contiguous().flatten(0, -2).numpy()


@compiled
def past(x, tail, i, t, T, low, high):
    """The input at step t of row i; the tail lies before the first."""
    back = len(tail) * T // len(x)
    return x[i * T + t, low:high] if t >= 0 else tail[i * back + back + t, low:high]


@compiled
def one_tap(y, x, w):
    for d in range(len(y)):
        y[d] += w[d] * x[d]


@compiled
def four_taps(y, x0, x1, x2, x3, w):
    for d in range(len(y)):
        y[d] += w[d] * x0[d] + w[WIDE + d] * x1[d] + w[2 * WIDE + d] * x2[d] + w[3 * WIDE + d] * x3[d]


@compiled
def forward(first, last, ends, fresh, x, weight, tail, y, end):
    """x and y (B*T D), weight (W D), tail and end (B*(W-1) D), ends (B), fresh (B T)."""
    T, (W, D) = fresh.shape[1], weight.shape
    stretches, blocks, taps = (T + STEPS - 1) // STEPS, (D + WIDE - 1) // WIDE, np.zeros(W * WIDE, x.dtype)
    for piece in range(first, last):
        i, start, low = piece // blocks // stretches, piece // blocks % stretches * STEPS, piece % blocks * WIDE
        stop, high = min(start + STEPS, T), min(low + WIDE, D)
        for j in range(W):
            copy(weight[j, low:high], taps[j * WIDE :])
        for t in range(start, stop):
            out, reach, j = y[i * T + t, low:high], 1, 0
            fill(out, 0)
            if t >= ends[i]:
                continue
            while reach < W and not (t - reach + 1 >= 0 and fresh[i, t - reach + 1]):
                reach += 1
            while j + 4 <= reach:
                four_taps(
                    out, past(x, tail, i, t - j, T, low, high), past(x, tail, i, t - j - 1, T, low, high),
                    past(x, tail, i, t - j - 2, T, low, high), past(x, tail, i, t - j - 3, T, low, high),
                    taps[j * WIDE :],
                )
                j += 4
            while j < reach:
                one_tap(out, past(x, tail, i, t - j, T, low, high), taps[j * WIDE :])
                j += 1
        if stop == T:
            kept = True
            for j in range(W - 1):
                t = ends[i] - 1 - j
                out = end[i * (W - 1) + W - 2 - j, low:high]
                if kept:
                    copy(past(x, tail, i, t, T, low, high), out)
                else:
                    fill(out, 0)
                kept = kept and not (t >= 0 and fresh[i, t])


@compiled
def one_back(of_x, x, of_y, both):
    """both: weight, its gradient."""
    for d in range(len(x)):
        of_x[d] += both[d] * of_y[d]
        both[2 * WIDE + d] += x[d] * of_y[d]


@compiled
def two_back(of_x, x, of_y0, of_y1, both):
    """both: two weights, their gradients."""
    for d in range(len(x)):
        of_x[d] += both[d] * of_y0[d] + both[WIDE + d] * of_y1[d]
        both[2 * WIDE + d] += x[d] * of_y0[d]
        both[3 * WIDE + d] += x[d] * of_y1[d]


@compiled
def backward(first, last, ends, fresh, x, weight, tail, of_y, of_end, of_x, of_weight, of_tail):
    T, (W, D) = fresh.shape[1], weight.shape
    stretches, blocks = (T + STEPS - 1) // STEPS, (D + WIDE - 1) // WIDE
    both = np.zeros((W + 1) // 2 * 4 * WIDE, x.dtype)  # of two taps: weights, gradients
    for piece in range(first, last):
        i, start, low = piece // blocks // stretches, piece // blocks % stretches * STEPS, piece % blocks * WIDE
        stop, high = min(start + STEPS, T), min(low + WIDE, D)
        fill(both, 0)
        for j in range(W):
            copy(weight[j, low:high], both[(j // 2 * 4 + j % 2) * WIDE :])
        for s in range(start if start else 1 - W, stop):
            out = past(of_x, of_tail, i, s, T, low, high)
            kept = s >= ends[i] + 1 - W and s < ends[i]  # nothing begins between it and the end, which still sees it
            reach = 1
            while reach < W and s + reach < ends[i] and not (s + reach >= 0 and fresh[i, s + reach]):
                reach += 1
            for t in range(s + 1, ends[i] if kept else 0):
                kept = kept and not (t >= 0 and fresh[i, t])
            if kept:
                copy(of_end[i * (W - 1) + s - ends[i] + W - 1, low:high], out)
            else:
                fill(out, 0)
            if s >= ends[i]:
                continue
            now, j = past(x, tail, i, s, T, low, high), max(0, -s)
            if j % 2 and j < reach:
                one_back(out, now, of_y[i * T + s + j, low:high], both[(j // 2 * 4 + 1) * WIDE :])
                j += 1
            while j + 2 <= reach:
                g0, g1 = of_y[i * T + s + j, low:high], of_y[i * T + s + j + 1, low:high]
                two_back(out, now, g0, g1, both[j * 2 * WIDE :])
                j += 2
            if j < reach:
                one_back(out, now, of_y[i * T + s + j, low:high], both[j * 2 * WIDE :])
        for j in range(W):
            at = (j // 2 * 4 + 2 + j % 2) * WIDE
            copy(both[at : at + high - low], of_weight[(i * stretches + start // STEPS) * W + j, low:high])
