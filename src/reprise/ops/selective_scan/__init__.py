"""Mamba's recurrence, whose decay, input and read all depend on the step; (B T D N) is never held."""
from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

from reprise.core.marks import NO_MARKS, Marks
from reprise.ops.backend import TRITON, Kernel, choose
from reprise.ops.precision import own_precision
from reprise.ops.selective_scan import parallel, reference

__all__ = ["Selection", "plan", "selective_scan"]


def _numba(*arguments):
    from reprise.ops.selective_scan.numba import selective_scan

    return selective_scan(*arguments)


def _triton(*arguments):
    from reprise.ops.selective_scan.triton import selective_scan

    return selective_scan(*arguments)


BACKENDS = {
    "reference": reference.selective_scan, "parallel": parallel.selective_scan,
    "numba": Kernel(_numba), "triton": Kernel(_triton, TRITON),
}


class Selection(NamedTuple):
    """What each step lets in, for how long, where to, and what is read."""

    u: Float[Tensor, "B T D"]
    dt: Float[Tensor, "B T D"]
    B: Float[Tensor, "B T N"]
    C: Float[Tensor, "B T N"]


def plan(p: Selection, backend: str = "auto") -> str:
    """The backend that `selective_scan` would run for this input."""
    return choose("selective_scan", BACKENDS, p.u, backend)


def selective_scan(
    p: Selection, A: Float[Tensor, "D N"], h: Float[Tensor, "B D N"], marks: Marks = NO_MARKS, *, backend: str = "auto"
) -> tuple[Float[Tensor, "B T D"], Float[Tensor, "B D N"]]:
    """h_t = exp(dt_t A) h_{t-1} + dt_t B_t u_t and y_t = C_t h_t: every y_t, and the last h, in the precision of h.

    A is negative. Padding takes no time (dt = 0); a new sequence begins with h = 0.
    Raises InputError for a backend there is none of.
    """
    p = Selection(*(z.to(h.dtype) for z in p))
    run = BACKENDS[plan(p, backend)]
    if p.u.shape[1] == 0:
        return p.u, h
    kept = None if marks.fresh is None else ~marks.fresh
    with own_precision(h):
        return run(p._replace(dt=marks.pad(p.dt, 0.0)), A.to(h.dtype), h, kept)
