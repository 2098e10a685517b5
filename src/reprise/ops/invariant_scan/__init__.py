"""Linear recurrence whose step is the same dense matrix every time: one meaning (`reference`), several speeds."""
from jaxtyping import Float
from torch import Tensor

from reprise.core.marks import NO_MARKS, Marks
from reprise.ops.backend import choose
from reprise.ops.invariant_scan import parallel, reference
from reprise.ops.precision import own_precision

__all__ = ["invariant_scan", "plan"]

BACKENDS = {"reference": reference.invariant_scan, "parallel": parallel.invariant_scan}


def plan(b: Float[Tensor, "B T *_"], backend: str = "auto") -> str:
    """The backend that `invariant_scan` would run for this input."""
    return choose("invariant_scan", BACKENDS, b, backend)


def invariant_scan(
    b: Float[Tensor, "B T H N"], A: Float[Tensor, "#H N N"], h: Float[Tensor, "B H N"], marks: Marks = NO_MARKS, *,
    backend: str = "auto",
) -> tuple[Float[Tensor, "B T H N"], Float[Tensor, "B H N"]]:
    """h_t = A h_{t-1} + b_t in each of H blocks: every h_t, and the last, in the precision of h.

    One A may serve all blocks. Padding leaves h as it is, and what is read there is free; a new sequence begins with
    zero. That h stays bounded is the caller's part. Where A depends on the step, this is `block_scan`.
    Raises InputError for an unknown backend.
    """
    A, b = A.to(h.dtype), marks.pad(b.to(h.dtype), 0.0)
    run = BACKENDS[plan(b, backend)]
    if b.shape[1] == 0:
        return b, h
    with own_precision(h):
        every = run(b, A, h, marks.fresh)
    return every, marks.last(every, h)
