"""Diagonal recurrence of every feature that is the same at each step, and only read: (B T D N) is never held."""
from typing import NamedTuple

from jaxtyping import Complex, Float
from torch import Tensor

from reprise.core.marks import NO_MARKS, Marks
from reprise.ops.backend import choose
from reprise.ops.convolution_scan import parallel, reference
from reprise.ops.precision import own_precision

__all__ = ["Filters", "convolution_scan", "plan"]

BACKENDS = {"reference": reference.convolution_scan, "parallel": parallel.convolution_scan}


class Filters(NamedTuple):
    """What is left of each number a step later, what an input adds to it, and how it is read."""

    decay: Complex[Tensor, "D N"]
    gain: Complex[Tensor, "D N"]
    C: Complex[Tensor, "D N"]


def plan(x: Float[Tensor, "B T D"], backend: str = "auto") -> str:
    """The backend that `convolution_scan` would run for this input."""
    return choose("convolution_scan", BACKENDS, x, backend)


def convolution_scan(
    x: Float[Tensor, "B T D"], filters: Filters, h: Complex[Tensor, "B D N"], marks: Marks = NO_MARKS, *,
    backend: str = "auto",
) -> tuple[Float[Tensor, "B T D"], Complex[Tensor, "B D N"]]:
    """h_t = decay h_{t-1} + gain x_t and y_t = 2 Re(C h_t): every y_t, and the last h, in the precision of h.

    Padding leaves h as it is; a new sequence begins with zero. Raises InputError for an unknown backend.
    """
    x, filters = x.to(h.real.dtype), Filters(*(z.to(h.dtype) for z in filters))
    run = BACKENDS[plan(x, backend)]
    if x.shape[1] == 0:
        return x, h
    with own_precision(h):
        return run(x, filters, h, marks)
