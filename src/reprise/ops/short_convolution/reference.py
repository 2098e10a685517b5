"""y_t = sum_j weight_j x_{t-j}, one step at a time."""
import torch
from jaxtyping import Float
from torch import Tensor

from reprise.core.marks import NO_MARKS, Marks, over

__all__ = ["short_convolution"]


def short_convolution(
    x: Float[Tensor, "B T D"], weight: Float[Tensor, "W D"], tail: Float[Tensor, "B W-1 D"], marks: Marks = NO_MARKS
) -> tuple[Float[Tensor, "B T D"], Float[Tensor, "B W-1 D"]]:
    every = []
    for t, x_t in enumerate(x.unbind(1)):
        if marks.fresh is not None:
            tail = torch.where(over(marks.fresh[:, t], tail), 0.0, tail)
        window = torch.cat([tail, x_t[:, None]], 1)
        every.append((window * weight.flip(0)).sum(1))
        tail = window[:, 1:] if marks.real is None else torch.where(over(marks.real[:, t], tail), window[:, 1:], tail)
    return torch.stack(every, 1), tail
