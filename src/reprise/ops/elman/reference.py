"""h_t = tanh(p_t + U h_{t-1}), one step at a time."""
import torch
from jaxtyping import Float
from torch import Tensor

from reprise.core.marks import NO_MARKS, Marks
from reprise.ops.heads import product
from reprise.ops.unroll import unroll

__all__ = ["advance", "elman"]


def advance(p: Float[Tensor, "B D"], h: Float[Tensor, "B D"], weight: Float[Tensor, "*H g d"]) -> Float[Tensor, "B D"]:
    """h one step later."""
    return torch.tanh(p + product(h, weight))


def elman(
    p: Float[Tensor, "B T D"], weight: Float[Tensor, "*H g d"], h: Float[Tensor, "B D"], marks: Marks = NO_MARKS
) -> tuple[Float[Tensor, "B T D"], Float[Tensor, "B D"]]:
    def step(p_t, h):
        return advance(p_t, h, weight)

    return unroll(step, p, h, marks, start=torch.zeros_like(h[:1]))
