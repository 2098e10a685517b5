"""m' = max(m + log_w, s);  num = exp(m + log_w - m') num + exp(s - m') v;  den likewise: one step at a time."""
import torch
from jaxtyping import Float
from torch import Tensor

from reprise.ops.normalised_scan.average import Average, Running, average_of

__all__ = ["advance", "normalised_scan"]


def advance(
    s: Float[Tensor, "B *_"], v: Float[Tensor, "B *N"], log_w: Float[Tensor, "B *_"], state: Running
) -> Running:
    """The sums one step later."""
    decayed = state.maximum + log_w
    maximum = torch.maximum(decayed, s)
    shift = torch.where(maximum == -torch.inf, 0.0, maximum)  # nothing seen yet, and nothing now: 0, not NaN
    left, new = torch.exp(decayed - shift), torch.exp(s - shift)
    return Running(left * state.numerator + new * v, left * state.denominator + new, maximum)


def normalised_scan(
    s: Float[Tensor, "B T *_"], v: Float[Tensor, "B T *N"], log_w: Float[Tensor, "B T *_"], state: Running
) -> tuple[Average, Running]:
    every = []
    for s_t, v_t, log_w_t in zip(s.unbind(1), v.unbind(1), log_w.unbind(1), strict=True):
        state = advance(s_t, v_t, log_w_t, state)
        every.append(average_of(state))
    return Average(*(torch.stack(z, 1) for z in zip(*every, strict=True))), state
