"""h_t = a_t * h_{t-1} + b_t, one step at a time."""
import torch
from jaxtyping import Inexact
from torch import Tensor

__all__ = ["linear_scan"]


def linear_scan(
    a: Inexact[Tensor, "B T *N"], b: Inexact[Tensor, "B T *N"], h: Inexact[Tensor, "B *N"]
) -> Inexact[Tensor, "B T *N"]:
    every = []
    for a_t, b_t in zip(a.unbind(1), b.unbind(1), strict=True):
        h = a_t * h + b_t
        every.append(h)
    return torch.stack(every, 1)
