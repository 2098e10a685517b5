"""Elman's recurrence, h_t = tanh(p_t + U h_{t-1}): one meaning (`reference`), several speeds."""
from jaxtyping import Float
from torch import Tensor

from reprise.core.marks import NO_MARKS, Marks
from reprise.ops.backend import Kernel, choose
from reprise.ops.elman import parallel, reference
from reprise.ops.precision import own_precision

__all__ = ["elman", "plan"]


def _numba(p: Tensor, weight: Tensor, h: Tensor, marks: Marks) -> tuple[Tensor, Tensor]:
    from reprise.ops.elman.numba import elman

    return elman(p, weight, h, marks)


BACKENDS = {"reference": reference.elman, "parallel": parallel.elman, "numba": Kernel(_numba)}


def plan(p: Float[Tensor, "B T D"], backend: str = "auto") -> str:
    """The backend that `elman` would run for this input."""
    return choose("elman", BACKENDS, p, backend)


def elman(
    p: Float[Tensor, "B T D"], weight: Float[Tensor, "*H g d"], h: Float[Tensor, "B D"], marks: Marks = NO_MARKS, *,
    backend: str = "auto",
) -> tuple[Float[Tensor, "B T D"], Float[Tensor, "B D"]]:
    """h_t = tanh(p_t + U h_{t-1}): every h_t, and the last, in the precision of h.

    p: what the input gives each step, bias and all.   h: what came before the first step.
    weight: U, or by head (H D/H D/H), see `ops.heads`.
    Padding keeps h; a new sequence begins from zero. Raises InputError for an unknown backend.
    """
    run = BACKENDS[plan(p, backend)]
    if p.shape[1] == 0:
        return h[:, None][:, :0], h
    with own_precision(h):
        return run(p.to(h.dtype), weight.to(h.dtype), h, marks)
