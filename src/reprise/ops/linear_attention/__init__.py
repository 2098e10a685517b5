"""A matrix memory that decays and is written to: one meaning (`reference`), several speeds."""
from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

from reprise.core.marks import NO_MARKS, Marks
from reprise.ops.backend import FLA, Kernel, choose
from reprise.ops.linear_attention import parallel, reference
from reprise.ops.precision import own_precision

__all__ = ["Association", "linear_attention", "plan"]


def _numba(*arguments: Tensor) -> tuple[Tensor, Tensor]:
    from reprise.ops.linear_attention.numba import linear_attention

    return linear_attention(*arguments)


def _fla(*arguments: Tensor) -> tuple[Tensor, Tensor]:
    from reprise.ops.linear_attention.fla import linear_attention

    return linear_attention(*arguments)


BACKENDS = {
    "reference": reference.linear_attention, "parallel": parallel.linear_attention,
    "numba": Kernel(_numba), "fla": Kernel(_fla, FLA),
}


class Association(NamedTuple):
    """What each step writes to the memory, and asks of it."""

    q: Float[Tensor, "B T H K"]
    k: Float[Tensor, "B T H K"]
    v: Float[Tensor, "B T H V"]
    log_w: Float[Tensor, "B T H #K"]  # one number where the head decays as one


def plan(p: Association, backend: str = "auto") -> str:
    """The backend that `linear_attention` would run for this input."""
    return choose("linear_attention", BACKENDS, p.q, backend)


def linear_attention(
    p: Association, S: Float[Tensor, "B H K V"], marks: Marks = NO_MARKS, *, backend: str = "auto"
) -> tuple[Float[Tensor, "B T H V"], Float[Tensor, "B H K V"]]:
    """S_t = diag(exp log_w_t) S_{t-1} + k_t v_t' and o_t = S_t' q_t: every o_t, and the last S, in the precision of S.

    Padding neither decays nor writes; a new sequence keeps nothing of the memory (log_w = -inf).
    Raises InputError for a backend there is none of.
    """
    q, k, v, log_w = (z.to(S.dtype) for z in p)
    log_w = marks.restart(marks.pad(log_w, 0.0), -float("inf"))
    run = BACKENDS[plan(p, backend)]
    if q.shape[1] == 0:
        return v, S
    with own_precision(S):
        return run(q, marks.pad(k, 0.0), v, log_w, S)
