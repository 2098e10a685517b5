"""The same convolution, one tap at a time."""
import torch
from jaxtyping import Float, Int
from torch import Tensor

from reprise.core.marks import NO_MARKS, Marks

__all__ = ["short_convolution"]


def short_convolution(
    x: Float[Tensor, "B T D"], weight: Float[Tensor, "W D"], tail: Float[Tensor, "B W-1 D"], marks: Marks = NO_MARKS
) -> tuple[Float[Tensor, "B T D"], Float[Tensor, "B W-1 D"]]:
    T, back = x.shape[1], tail.shape[1]
    past, sequence = torch.cat([tail, x], 1), _sequence(marks, back)
    y = weight[0] * x
    for j in range(1, back + 1):
        then = slice(back - j, back - j + T)
        seen = past[:, then]
        if sequence is not None:
            seen = torch.where(sequence[:, then] == sequence[:, back:], seen, 0.0)
        y = torch.addcmul(y, weight[j], seen)
    kept = _at_end(past, marks, back)
    if sequence is not None:
        kept = torch.where(_at_end(sequence, marks, back) == sequence[:, -1:], kept, 0.0)
    return y, kept


def _sequence(marks: Marks, back: int) -> Int[Tensor, "B _ 1"] | None:
    """Which sequence of its row each step belongs to: the tail belongs to the first. None: to the same one, all."""
    if marks.fresh is None:
        return None
    number = marks.fresh.cumsum(1)
    return torch.cat([number.new_zeros(len(number), back), number], 1)[..., None]


def _at_end(z: Tensor, marks: Marks, back: int) -> Tensor:
    """The last `back` steps of each row's real ones."""
    if marks.real is None:
        return z[:, z.shape[1] - back :]
    steps = marks.real.sum(1, keepdim=True) + torch.arange(back, device=z.device)
    return z.take_along_dim(steps[..., None], 1)
