"""A causal depthwise convolution whose last inputs are its state."""
from jaxtyping import Float
from torch import Tensor

from reprise.core.marks import NO_MARKS, Marks
from reprise.ops.backend import Kernel, choose
from reprise.ops.short_convolution import parallel, reference

__all__ = ["plan", "short_convolution"]


def _numba(x: Tensor, weight: Tensor, tail: Tensor, marks: Marks) -> tuple[Tensor, Tensor]:
    from reprise.ops.short_convolution.numba import short_convolution

    return short_convolution(x, weight, tail, marks)


BACKENDS = {
    "reference": reference.short_convolution, "parallel": parallel.short_convolution, "numba": Kernel(_numba),
}


def plan(x: Float[Tensor, "B T D"], backend: str = "auto") -> str:
    """The backend that `short_convolution` would run for this input."""
    return choose("short_convolution", BACKENDS, x, backend)


def short_convolution(
    x: Float[Tensor, "B T D"], weight: Float[Tensor, "W D"], tail: Float[Tensor, "B W-1 D"], marks: Marks = NO_MARKS, *,
    backend: str = "auto",
) -> tuple[Float[Tensor, "B T D"], Float[Tensor, "B W-1 D"]]:
    """y_t = sum_j weight_j x_{t-j}: every y_t, and the W - 1 inputs before the next step, oldest first.

    `tail` holds the inputs before the first step, and everything is computed in its precision. No tap reaches across a
    fresh start; padding leaves the tail alone, and y there is free. Raises InputError for a backend there is none of.
    """
    x, weight = x.to(tail.dtype), weight.to(tail.dtype)
    run = BACKENDS[plan(x, backend)]
    if x.shape[1] == 0:
        return x, tail
    return run(x, weight, tail, marks)
