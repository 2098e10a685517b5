"""A causal convolution of many taps, of every channel with every other, whose last inputs are its state."""
from jaxtyping import Float
from torch import Tensor

from reprise.core.marks import NO_MARKS, Marks
from reprise.ops.backend import choose
from reprise.ops.long_convolution import parallel, reference
from reprise.ops.precision import own_precision

__all__ = ["long_convolution", "plan"]

BACKENDS = {"reference": reference.long_convolution, "parallel": parallel.long_convolution}


def plan(x: Float[Tensor, "B T C"], backend: str = "auto") -> str:
    """The backend that `long_convolution` would run for this input."""
    return choose("long_convolution", BACKENDS, x, backend)


def long_convolution(
    x: Float[Tensor, "B T C"], kernel: Float[Tensor, "W C D"], tail: Float[Tensor, "B W-1 C"], marks: Marks = NO_MARKS,
    *, backend: str = "auto",
) -> tuple[Float[Tensor, "B T D"], Float[Tensor, "B W-1 C"]]:
    """y_t = sum_j x_{t-j} kernel_j: every y_t, and the W - 1 inputs before the next step, oldest first.

    `tail` holds the inputs before the first step, in float32 at least, and the result has its precision. No tap reaches
    across a fresh start; padding leaves the tail alone, and y there is free. Raises InputError for a backend that there
    is none of.
    """
    x, kernel = x.to(tail.dtype), kernel.to(tail.dtype)
    run = BACKENDS[plan(x, backend)]
    if x.shape[0] == 0 or x.shape[1] == 0:  # no Fourier transform is of nothing
        return x.new_zeros(*x.shape[:2], kernel.shape[2]), tail
    with own_precision(x):
        return run(x, kernel, tail, marks)
