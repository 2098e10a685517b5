"""h_t = decay h_{t-1} + gain x_t, every h held; y_t = 2 Re(C h_t)."""
from jaxtyping import Complex, Float
from torch import Tensor

from reprise.core.marks import Marks
from reprise.ops.linear_scan import linear_scan

__all__ = ["convolution_scan"]


def convolution_scan(
    x: Float[Tensor, "B T D"], filters: tuple, h: Complex[Tensor, "B D N"], marks: Marks
) -> tuple[Float[Tensor, "B T D"], Complex[Tensor, "B D N"]]:
    decay, gain, C = filters
    added = gain * x[..., None]
    every, h = linear_scan(decay.expand(added.shape), added, h, marks)
    return 2 * (every.real * C.real - every.imag * C.imag).sum(-1), h
