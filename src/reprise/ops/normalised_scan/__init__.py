"""Softmax over time as a recurrence, a running weighted average: one meaning (`reference`), several speeds."""
from jaxtyping import Float
from torch import Tensor

from reprise.core.errors import InputError
from reprise.core.marks import NO_MARKS, Marks
from reprise.ops.backend import TRITON, Kernel, choose
from reprise.ops.normalised_scan import parallel, reference
from reprise.ops.normalised_scan.average import Average, Running, before, include

__all__ = ["Average", "Running", "before", "include", "normalised_scan", "plan"]


def _numba(s: Tensor, v: Tensor, log_w: Tensor, state: Running) -> tuple[Average, Running]:
    from reprise.ops.normalised_scan.numba import normalised_scan

    return normalised_scan(s, v, log_w, state)


def _triton(s: Tensor, v: Tensor, log_w: Tensor, state: Running) -> tuple[Average, Running]:
    from reprise.ops.normalised_scan.triton import normalised_scan

    return normalised_scan(s, v, log_w, state)


BACKENDS = {
    "reference": reference.normalised_scan, "parallel": parallel.normalised_scan,
    "numba": Kernel(_numba), "triton": Kernel(_triton, TRITON),
}


def plan(s: Float[Tensor, "B T *_"], backend: str = "auto") -> str:
    """The backend that `normalised_scan` would run for this input."""
    return choose("normalised_scan", BACKENDS, s, backend)


def normalised_scan(
    s: Float[Tensor, "B T *_"], v: Float[Tensor, "B T *N"], log_w: Float[Tensor, "B T *_"], state: Running,
    marks: Marks = NO_MARKS, *, backend: str = "auto",
) -> tuple[Average, Running]:
    """The average of all v so far, each with weight exp(s) times its decay since: at every step, and what carries on.

        m_t = max(m_{t-1} + log_w_t, s_t);   a = exp(m_{t-1} + log_w_t - m_t);   b = exp(s_t - m_t)
        num_t = a num_{t-1} + b v_t;   den_t = a den_{t-1} + b
        mean_t = num_t / den_t;        log_weight_t = m_t + log den_t

    v, numerator: *N.   s, log_w, denominator, maximum: *N too, or with a last dimension of 1: one weight for a vector.
    log_w <= 0, and may be a view that repeats; without decay, `torch.zeros(()).expand_as(s)`. s = -inf writes nothing.
    Computed in the precision of the state. Padding does nothing; a new sequence begins with nothing seen.

    m only keeps exp in range: nothing that is read depends on it, but a decay below its last digit is lost, as in
    RWKV-4's own kernel. Gradients are those of the equations as they stand, the state's own included; where both sides
    of the maximum are equal each has half.

    Source   Peng et al. 2023, arXiv:2305.13048, app. D (RWKV-4: log_w a parameter, its bonus by `before`, `include`);
             Feng et al. 2024, arXiv:2405.13956, sec. 3 (Aaren: no decay); LightNet (Qin et al. 2024, arXiv:2405.21022)
             decays a matrix memory by exp(log_weight_{t-1} - log_weight_t) and writes with exp(s_t - log_weight_t)
    Differs  an empty memory is m = -inf, not a large negative number; RWKV-4 adds its bonus inside
    Raises InputError for shapes that do not fit, or an unknown backend.
    """
    _check(s, v, log_w, state)
    dtype = state.numerator.dtype
    s, v, log_w = (z.to(dtype) for z in (s, v, log_w))
    run = BACKENDS[plan(s, backend)]
    if s.shape[1] == 0:
        return Average(v, s), state
    log_w = marks.restart(marks.pad(log_w, 0.0), -float("inf"))
    return run(marks.pad(s, -float("inf")), marks.pad(v, 0.0), log_w, state)


def _check(s: Tensor, v: Tensor, log_w: Tensor, state: Running) -> None:
    if s.shape != v.shape and s.shape != (*v.shape[:-1], 1):
        raise InputError(f"normalised_scan: weights {tuple(s.shape)} do not fit values {tuple(v.shape)}; give s the "
                         "shape of v, or that with a last dimension of 1")
    if log_w.shape != s.shape:
        raise InputError(f"normalised_scan: log_w is {tuple(log_w.shape)}; give it the shape of s, {tuple(s.shape)}: "
                         "log_w.expand_as(s)")
    expected = [(z.shape[0], *z.shape[2:]) for z in (v, s, s)]
    if [tuple(z.shape) for z in state] != expected:
        raise InputError(f"normalised_scan: the state is {[tuple(z.shape) for z in state]}; give numerator, "
                         f"denominator and maximum of {expected}")
