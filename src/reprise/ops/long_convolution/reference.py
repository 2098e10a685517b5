"""y_t,d = sum_j sum_c kernel_j,c,d x_{t-j},c, one step at a time."""
import torch
from jaxtyping import Float
from torch import Tensor

from reprise.core.marks import NO_MARKS, Marks, over

__all__ = ["long_convolution"]


def long_convolution(
    x: Float[Tensor, "B T C"], kernel: Float[Tensor, "W C D"], tail: Float[Tensor, "B W-1 C"], marks: Marks = NO_MARKS
) -> tuple[Float[Tensor, "B T D"], Float[Tensor, "B W-1 C"]]:
    every, newest_last = [], kernel.flip(0)
    for t, x_t in enumerate(x.unbind(1)):
        if marks.fresh is not None:
            tail = torch.where(over(marks.fresh[:, t], tail), 0.0, tail)
        window = torch.cat([tail, x_t[:, None]], 1)
        every.append(window.flatten(1) @ newest_last.flatten(0, 1))
        tail = window[:, 1:] if marks.real is None else torch.where(over(marks.real[:, t], tail), window[:, 1:], tail)
    return torch.stack(every, 1), tail
