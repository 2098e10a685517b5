"""Trapezoid steps of a triangular system that slows down: one meaning (`reference`), several speeds."""
from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

from reprise.core.marks import NO_MARKS, Marks
from reprise.ops.backend import choose
from reprise.ops.precision import own_precision
from reprise.ops.triangular_scan import parallel, reference

__all__ = ["Triangle", "plan", "triangular_scan"]

BACKENDS = {"reference": reference.triangular_scan, "parallel": parallel.triangular_scan}


class Triangle(NamedTuple):
    """A_nm = p_n q_m below the diagonal, a_n on it, zero above; B is what the input is multiplied by."""

    p: Float[Tensor, "N"]
    q: Float[Tensor, "N"]
    a: Float[Tensor, "N"]
    B: Float[Tensor, "N"]


def plan(x: Float[Tensor, "B T D"], backend: str = "auto") -> str:
    """The backend that `triangular_scan` would run for this input."""
    return choose("triangular_scan", BACKENDS, x, backend)


def triangular_scan(
    x: Float[Tensor, "B T D"], half: Float[Tensor, "B T"], system: Triangle, c: Float[Tensor, "B D N"],
    marks: Marks = NO_MARKS, *, backend: str = "auto",
) -> tuple[Float[Tensor, "B T D N"], Float[Tensor, "B D N"]]:
    """(1 + half_t A) c_t = (1 - half_t A) c_{t-1} + 2 half_t B x_t: every c_t, and the last, in the precision of c.

    `half` is half the length of each step. Padding leaves c as it is; a new sequence begins with zero.
    Raises InputError for an unknown backend.
    """
    x, half, system = x.to(c.dtype), half.to(c.dtype), Triangle(*(z.to(c.dtype) for z in system))
    run = BACKENDS[plan(x, backend)]
    if x.shape[1] == 0:
        return x[..., None].expand(*x.shape, c.shape[-1]), c
    with own_precision(c):
        return run(x, half, system, c, marks)
