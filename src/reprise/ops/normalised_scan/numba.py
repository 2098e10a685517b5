"""The same recurrence as one pass over memory: a block of columns is held while time runs over it.

Of the two exponentials of a step one is exp(0), so one is computed. Backward takes both sums as linear in the step
before; what it divides and compares by is kept from the forward pass.
"""
from functools import partial
from math import prod

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from reprise.ops.custom_op import custom_op
from reprise.ops.normalised_scan.average import Average, Running
from reprise.ops.normalised_scan.sums import Sums, finish
from reprise.ops.threads import share_out
from reprise.ops.vector_math import compiled, copy, exp, part

__all__ = ["normalised_scan"]

BLOCK = 512  # numbers of a row that are held at once: they stay in the nearest cache


def normalised_scan(
    s: Float[Tensor, "B T *_"], v: Float[Tensor, "B T *N"], log_w: Float[Tensor, "B T *_"], state: Running
) -> tuple[Average, Running]:
    w = log_w[:1, :1] if log_w.stride()[:2] == (0, 0) else log_w  # the same decay at every step: kept as one row
    flat = (_flat(z, leading) for z, leading in zip((s, v, w, *state), (2, 2, 2, 1, 1, 1), strict=True))
    found = scan(*flat)
    shapes = v.shape, s.shape, s.shape, state.numerator.shape
    return finish(s, log_w, state, Sums(*(z.reshape(shape) for z, shape in zip(found, shapes, strict=True))))


def _flat(z: Tensor, leading: int) -> Tensor:
    return z.reshape(*z.shape[:leading], prod(z.shape[leading:]))


@custom_op("reprise::normalised_scan")
def scan(
    s: Tensor, v: Tensor, w: Tensor, num: Tensor, den: Tensor, top: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """s (B T M), v (B T N), w (B T M) or (1 1 M), N a multiple of M; num (B N), den and top (B M): `Sums`."""
    means, dens, tops, end = _outputs(s, v, num)
    end.copy_(num)
    now = torch.stack([den, top])
    share_out(forward, len(s) * _blocks(s, v), *map(_array, (s, v, w, now, means, dens, tops, end)))
    return means, dens, tops, end


@scan.register_fake
def _(s, v, w, num, den, top):
    return _outputs(s, v, num)


def _outputs(s: Tensor, v: Tensor, num: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    return tuple(torch.empty(z.shape, dtype=z.dtype, device=z.device) for z in (v, s, s, num))


@custom_op("reprise::normalised_scan_backward")
def scan_backward(
    s: Tensor, v: Tensor, w: Tensor, num: Tensor, den: Tensor, top: Tensor, means: Tensor, dens: Tensor, tops: Tensor,
    grad_means: Tensor, grad_dens: Tensor, grad_num: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Gradients in s, v, w (B T M), num and den, from those of means, denominators and the last numerator."""
    grad_v, grad_s, grad_w, into_num = _outputs(s, v, num)
    into_num.copy_(grad_num)
    into_den = den.new_zeros(den.shape)
    given = s, v, w, num, den, top, means, dens, tops, grad_means, grad_dens
    share_out(backward, len(s) * _blocks(s, v), *map(_array, (*given, grad_s, grad_v, grad_w, into_num, into_den)))
    return grad_s, grad_v, grad_w, into_num, into_den


@scan_backward.register_fake
def _(s, v, w, num, den, top, means, dens, tops, grad_means, grad_dens, grad_num):
    return tuple(torch.empty(z.shape, dtype=z.dtype, device=z.device) for z in (s, v, s, num, den))


def _keep(ctx, inputs, output):
    means, dens, tops, _ = output
    ctx.mark_non_differentiable(tops)
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(*inputs, means, dens, tops)


def _gradients(ctx, grad_means, grad_dens, _, grad_num):
    s, v, w, num, *_ = ctx.saved_tensors
    given = (grad_means, v), (grad_dens, s), (grad_num, num)
    grads = (torch.zeros_like(z) if grad is None else grad for grad, z in given)
    of_s, of_v, of_w, of_num, of_den = scan_backward(*ctx.saved_tensors, *grads)
    return of_s, of_v, of_w.sum_to_size(w.shape), of_num, of_den, of_w[:, 0]


scan.register_autograd(_gradients, setup_context=_keep)


def _array(z: Tensor) -> np.ndarray:
    return z.contiguous().numpy()


def _blocks(s: Tensor, v: Tensor) -> int:
    M, N = s.shape[2], v.shape[2]
    return -(-M // max(BLOCK * M // max(N, 1), 1))


@part
def weigh(s, w, top, left, new):
    """How the sums so far, and this step, weigh in the next sums: exp(top + w - m) and exp(s - m)."""
    for j in range(len(s)):
        decayed = top[j] + w[j]
        ahead = decayed > s[j]
        less = exp(s[j] - decayed if ahead else decayed - s[j])
        left[j] = 1 if ahead else less
        new[j] = less if ahead else 1
        if decayed == -np.inf:
            left[j] = 0
        if s[j] == -np.inf:
            new[j] = 0


@compiled
def forward(first, last, s, v, w, now, means, dens, tops, end):
    T, M = s.shape[1:]
    R = v.shape[2] // M
    wide = max(BLOCK // R, 1)
    blocks = (M + wide - 1) // wide
    row, step = min(w.shape[0] - 1, 1), min(w.shape[1] - 1, 1)  # 0 where one decay serves all
    for piece in range(first, last):
        i, low = piece // blocks, piece % blocks * wide
        high = min(low + wide, M)
        left, new = np.empty(high - low, s.dtype), np.empty(high - low, s.dtype)
        num, den, top = end[i, low * R : high * R], now[0, i, low:high], now[1, i, low:high]
        for t in range(T):
            s_t, w_t, v_t = s[i, t, low:high], w[i * row, t * step, low:high], v[i, t, low * R : high * R]
            out = means[i, t, low * R : high * R]
            weigh(s_t, w_t, top, left, new)
            for j in range(high - low):
                top[j] = max(top[j] + w_t[j], s_t[j])
                den[j] = left[j] * den[j] + new[j]
            copy(top, tops[i, t, low:high])
            copy(den, dens[i, t, low:high])
            if R == 1:
                for j in range(high - low):
                    num[j] = left[j] * num[j] + new[j] * v_t[j]
                    out[j] = num[j] / (den[j] if den[j] > 0 else 1)
            else:
                for k in range(high - low):
                    a, b, over = left[k], new[k], 1 / (den[k] if den[k] > 0 else 1)
                    num_k, v_k, out_k = num[k * R : k * R + R], v_t[k * R : k * R + R], out[k * R : k * R + R]
                    for j in range(R):
                        num_k[j] = a * num_k[j] + b * v_k[j]
                        out_k[j] = num_k[j] * over


@partial(compiled, any_order=True)
def retreat(over, den, left, new, v, mean, ago, g, into, grad_v):
    """One vector, one step back: the gradients in its mean (g), its numerator (into) and v.

    Returns what reaches the weight of this step, that of those before, and the denominator, by way of the vector.
    """
    of_new = of_left = of_den = over - over
    for j in range(len(g)):
        direct = g[j] * over
        total = into[j] + direct
        of_den -= direct * mean[j]
        of_new += total * v[j]
        of_left += total * ago[j]
        grad_v[j] = total * new
        into[j] = total * left
    return of_new, of_left * den, of_den


@compiled
def backward(first, last, s, v, w, num, den, top, means, dens, tops, grad_means, grad_dens, grad_s, grad_v, grad_w,
             into_num, into_den):
    T, M = s.shape[1:]
    R = v.shape[2] // M
    wide = max(BLOCK // R, 1)
    blocks = (M + wide - 1) // wide
    row, step = min(w.shape[0] - 1, 1), min(w.shape[1] - 1, 1)
    for piece in range(first, last):
        i, low = piece // blocks, piece % blocks * wide
        high = min(low + wide, M)
        left, new = np.empty(high - low, s.dtype), np.empty(high - low, s.dtype)
        into, below = into_num[i, low * R : high * R], into_den[i, low:high]
        ones = np.ones(high - low, s.dtype)
        for t in range(T - 1, -1, -1):
            s_t, w_t, v_t = s[i, t, low:high], w[i * row, t * step, low:high], v[i, t, low * R : high * R]
            den_t, mean_t, ago = dens[i, t, low:high], means[i, t, low * R : high * R], num[i, low * R : high * R]
            before_top, before_den, factor = top[i, low:high], den[i, low:high], ones
            if t:  # the numerator before is its mean times its denominator
                before_top, before_den = tops[i, t - 1, low:high], dens[i, t - 1, low:high]
                ago, factor = means[i, t - 1, low * R : high * R], before_den
            g, g_den = grad_means[i, t, low * R : high * R], grad_dens[i, t, low:high]
            of_s, of_w, of_v = grad_s[i, t, low:high], grad_w[i, t, low:high], grad_v[i, t, low * R : high * R]
            weigh(s_t, w_t, before_top, left, new)
            if R == 1:
                for j in range(high - low):
                    direct = g[j] / den_t[j] if den_t[j] > 0 else 0
                    total, lower = into[j] + direct, below[j] + g_den[j] - direct * mean_t[j]
                    of_v[j] = total * new[j]
                    of_s[j] = new[j] * (total * v_t[j] + lower)
                    of_w[j] = left[j] * (total * (ago[j] * factor[j]) + lower * before_den[j])
                    into[j] = total * left[j]
                    below[j] = lower * left[j]
            else:
                for k in range(high - low):
                    a, z = k * R, k * R + R
                    over = 1 / den_t[k] if den_t[k] > 0 else den_t[k]
                    of_new, of_left, of_den = retreat(over, factor[k], left[k], new[k], v_t[a:z], mean_t[a:z],
                                                      ago[a:z], g[a:z], into[a:z], of_v[a:z])
                    lower = below[k] + g_den[k] + of_den
                    of_s[k] = new[k] * (of_new + lower)
                    of_w[k] = left[k] * (of_left + lower * before_den[k])
                    below[k] = lower * left[k]
