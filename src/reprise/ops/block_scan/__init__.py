"""Linear recurrence whose step is a small dense matrix: one meaning (`reference`), several speeds."""
import torch
from jaxtyping import Float
from torch import Tensor

from reprise.core.marks import NO_MARKS, Marks
from reprise.ops.backend import Kernel, choose
from reprise.ops.block_scan import parallel, reference
from reprise.ops.precision import own_precision

__all__ = ["block_scan", "plan"]


def _numba(A: Tensor, b: Tensor, h: Tensor) -> Tensor:
    from reprise.ops.block_scan.numba import block_scan

    return block_scan(A, b, h)


BACKENDS = {"reference": reference.block_scan, "parallel": parallel.block_scan, "numba": Kernel(_numba)}


def plan(b: Float[Tensor, "B T *_"], backend: str = "auto") -> str:
    """The backend that `block_scan` would run for this input."""
    return choose("block_scan", BACKENDS, b, backend)


def block_scan(
    A: Float[Tensor, "B T H N N"], b: Float[Tensor, "B T H N"], h: Float[Tensor, "B H N"], marks: Marks = NO_MARKS, *,
    backend: str = "auto",
) -> tuple[Float[Tensor, "B T H N"], Float[Tensor, "B H N"]]:
    """h_t = A_t h_{t-1} + b_t in each of H blocks: every h_t, and the last, in the precision of h.

    Padding multiplies by one and adds nothing; a new sequence multiplies by zero. Each A is taken as it
    is: that h stays bounded is the caller's part. Where A is diagonal, `linear_scan` does N times less.
    Raises InputError for an unknown backend.
    """
    A, b = A.to(h.dtype), b.to(h.dtype)
    run = BACKENDS[plan(b, backend)]
    if b.shape[1] == 0:
        return b, h
    A = marks.restart(marks.pad(A, torch.eye(A.shape[-1], dtype=A.dtype, device=A.device)), 0.0)
    with own_precision(h):
        every = run(A, marks.pad(b, 0.0), h)
    return every, every[:, -1]
