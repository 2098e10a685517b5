"""The same recurrence as two linear scans, of numerators and denominators, once all maxima are known.

Maxima are a scan of their own, where sum and maximum take the places of product and sum; sqrt(T) blocks side by side.
"""
from collections.abc import Callable
from math import isqrt

import torch
from jaxtyping import Float
from torch import Tensor

from reprise.ops.linear_scan import parallel as linear
from reprise.ops.normalised_scan.average import Average, Running
from reprise.ops.normalised_scan.sums import Sums, finish

__all__ = ["by_scans", "normalised_scan"]


def normalised_scan(
    s: Float[Tensor, "B T *_"], v: Float[Tensor, "B T *N"], log_w: Float[Tensor, "B T *_"], state: Running
) -> tuple[Average, Running]:
    return by_scans(s, v, log_w, state, _maxima, linear.linear_scan)


def by_scans(
    s: Float[Tensor, "B T *_"], v: Float[Tensor, "B T *N"], log_w: Float[Tensor, "B T *_"], state: Running,
    maximum_scan: Callable[[Tensor, Tensor, Tensor], Tensor], linear_scan: Callable[[Tensor, Tensor, Tensor], Tensor],
) -> tuple[Average, Running]:
    """With these two scans: of maxima (log_w, s, m) and of sums (a, b, h)."""
    with torch.no_grad():
        maxima = maximum_scan(log_w, s, state.maximum)
        shift = torch.where(maxima == -torch.inf, 0.0, maxima)
    decayed = torch.cat([state.maximum[:, None], maxima[:, :-1]], 1) + log_w
    left, new = torch.exp(decayed - shift), torch.exp(s - shift)
    numerators = linear_scan(left.expand_as(v), new * v, state.numerator)
    denominators = linear_scan(left, new, state.denominator)
    seen = denominators > 0
    means = torch.where(seen, numerators / torch.where(seen, denominators, 1.0), 0.0)
    return finish(s, log_w, state, Sums(means, denominators, maxima, numerators[:, -1]))


def _maxima(log_w: Float[Tensor, "B T *_"], s: Float[Tensor, "B T *_"], m: Float[Tensor, "B *_"]) -> Tensor:
    """m_t = max(m_{t-1} + log_w_t, s_t), every one."""
    T = s.shape[1]
    size = isqrt(T)
    whole = T // size * size
    inside, decay = _within(*(z[:, :whole].unflatten(1, (-1, size)) for z in (log_w, s)))
    before = []
    for end, left in zip(inside[:, :, -1].unbind(1), decay[:, :, -1].unbind(1), strict=True):
        before.append(m)
        m = torch.maximum(end, left + m)
    every = [torch.maximum(inside, decay + torch.stack(before, 1)[:, :, None]).flatten(1, 2)]
    for log_w_t, s_t in zip(log_w[:, whole:].unbind(1), s[:, whole:].unbind(1), strict=True):
        m = torch.maximum(m + log_w_t, s_t)
        every.append(m[:, None])
    return torch.cat(every, 1)


def _within(log_w: Tensor, s: Tensor) -> tuple[Tensor, Tensor]:
    """Each block's own maxima, and how far those before it have sunk at each step: (B blocks size *_)."""
    m, sunk = s[:, :, 0], log_w[:, :, 0]
    every, decay = [m], [sunk]
    for log_w_t, s_t in zip(log_w[:, :, 1:].unbind(2), s[:, :, 1:].unbind(2), strict=True):
        m, sunk = torch.maximum(m + log_w_t, s_t), sunk + log_w_t
        every.append(m)
        decay.append(sunk)
    return torch.stack(every, 2), torch.stack(decay, 2)
