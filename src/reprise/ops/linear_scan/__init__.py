"""First-order linear recurrence: one meaning (`reference`), several speeds."""
import torch
from jaxtyping import Inexact
from torch import Tensor

from reprise.core.marks import NO_MARKS, Marks
from reprise.ops.backend import TRITON, Kernel, choose
from reprise.ops.linear_scan import parallel, reference

__all__ = ["linear_scan", "plan"]


def _numba(a: Tensor, b: Tensor, h: Tensor) -> Tensor:
    from reprise.ops.linear_scan.numba import linear_scan

    return linear_scan(a, b, h)


def _triton(a: Tensor, b: Tensor, h: Tensor) -> Tensor:
    from reprise.ops.linear_scan.triton import linear_scan

    return linear_scan(a, b, h)


BACKENDS = {
    "reference": reference.linear_scan, "parallel": parallel.linear_scan,
    "numba": Kernel(_numba, complex_too=True), "triton": Kernel(_triton, TRITON, complex_too=True),
}


def plan(b: Inexact[Tensor, "B T *N"], backend: str = "auto") -> str:
    """The backend that `linear_scan` would run for this input."""
    return choose("linear_scan", BACKENDS, b, backend)


def linear_scan(
    a: Inexact[Tensor, "B T *N"], b: Inexact[Tensor, "B T *N"], h: Inexact[Tensor, "B *N"], marks: Marks = NO_MARKS, *,
    reverse: bool = False, backend: str = "auto",
) -> tuple[Inexact[Tensor, "B T *N"], Inexact[Tensor, "B *N"]]:
    """h_t = a_t h_{t-1} + b_t: every h_t, and the last, in the precision of h; real or complex.

    Padding multiplies by one and adds nothing; a new sequence multiplies by zero. `reverse` runs from the last step
    to the first (h_t = a_t h_{t+1} + b_t), and h is what comes after the end.
    """
    if reverse and marks.fresh is not None:  # nothing crosses a start from the right either
        ends = torch.cat([marks.fresh[:, 1:], torch.zeros_like(marks.fresh[:, :1])], 1)
        marks = marks._replace(fresh=ends)
    a = marks.restart(marks.pad(a.to(h.dtype), 1.0), 0.0)
    b = marks.pad(b.to(h.dtype), 0.0)
    if b.shape[1] == 0:
        return b, h
    scan = BACKENDS[plan(b, backend)]
    if reverse:
        every = scan(a.flip(1), b.flip(1), h).flip(1)
        return every, every[:, 0]
    every = scan(a, b, h)
    return every, every[:, -1]
