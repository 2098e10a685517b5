"""A matrix memory that is corrected: plain, gated and generalised delta rule, as one recurrence."""
from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

from reprise.core.marks import NO_MARKS, Marks
from reprise.ops.backend import FLA, Kernel, choose
from reprise.ops.delta_rule import parallel, reference
from reprise.ops.precision import own_precision

__all__ = ["Correction", "delta_rule", "plan"]


class Correction(NamedTuple):
    """What each step does to the memory, and asks of it."""

    q: Float[Tensor, "B T H K"]
    k: Float[Tensor, "B T H K"]
    v: Float[Tensor, "B T H V"]
    log_w: Float[Tensor, "B T H #K"]  # one number where the head decays as one
    a: Float[Tensor, "B T H K"]
    b: Float[Tensor, "B T H K"]


def _numba(p: Correction, S: Tensor) -> tuple[Tensor, Tensor]:
    from reprise.ops.delta_rule.numba import delta_rule

    return delta_rule(p, S)


def _fla(p: Correction, S: Tensor) -> tuple[Tensor, Tensor]:
    from reprise.ops.delta_rule.fla import delta_rule

    return delta_rule(p, S)


BACKENDS = {
    "reference": reference.delta_rule, "parallel": parallel.delta_rule,
    "numba": Kernel(_numba), "fla": Kernel(_fla, FLA),
}


def plan(p: Correction, backend: str = "auto") -> str:
    """The backend that `delta_rule` would run for this input."""
    return choose("delta_rule", BACKENDS, p.q, backend)


def delta_rule(
    p: Correction, S: Float[Tensor, "B H K V"], marks: Marks = NO_MARKS, *, backend: str = "auto"
) -> tuple[Float[Tensor, "B T H V"], Float[Tensor, "B H K V"]]:
    """S_t = (diag(exp log_w_t) + a_t b_t') S_{t-1} + k_t v_t' and o_t = S_t' q_t: every o_t, and the last S.

    Computed in the precision of S. Padding neither decays, corrects nor writes; a new sequence keeps nothing of the
    memory (log_w = -inf, a = 0). Raises InputError for a backend there is none of.
    """
    q, k, v, log_w, a, b = (z.to(S.dtype) for z in p)
    log_w = marks.restart(marks.pad(log_w, 0.0), -float("inf"))
    a = marks.restart(marks.pad(a, 0.0), 0.0)
    run = BACKENDS[plan(p, backend)]
    if q.shape[1] == 0:
        return v, S
    with own_precision(S):
        return run(Correction(q, marks.pad(k, 0.0), v, log_w, a, b), S)
