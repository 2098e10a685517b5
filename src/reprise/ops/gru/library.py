"""The whole layer as one call of cuDNN, through torch, input and all; on a CPU our own kernel is the faster.

Products round to TF32 where `torch.backends.cudnn.allow_tf32` says so, which is torch's default.
"""
import torch
from jaxtyping import Float
from torch import Tensor

from reprise.core.marks import Marks
from reprise.ops.backend import ON_GPU, library_takes

__all__ = ["gru_of_input", "serves"]


def serves(x: Float[Tensor, "B T D"], weight: Float[Tensor, "*H g d"], marks: Marks) -> bool:
    """Whether it can take this: float32 on a GPU, more than one step, no heads, no padding and no new sequence."""
    return marks.real is None and marks.fresh is None and library_takes(x, weight, ON_GPU)


def gru_of_input(
    x: Float[Tensor, "B T D"], weights: tuple[Tensor, Tensor, Tensor, Tensor], h: Float[Tensor, "B D"]
) -> tuple[Float[Tensor, "B T D"], Float[Tensor, "B D"]]:
    """`gru` of x W' + b: every h_t, and the last. weights: W, U, b, c."""
    every, last = torch.gru(x, h[None], weights, True, 1, 0.0, torch.is_grad_enabled(), False, True)
    return every, last[0]
