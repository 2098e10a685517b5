"""The whole layer as one call of oneDNN or cuDNN, through torch, input and all.

A single step is many times slower than the definition, for the weights are laid out anew at every call. On a GPU
products round to TF32 where `torch.backends.cudnn.allow_tf32` says so, which is torch's default.
"""
import torch
from jaxtyping import Float
from torch import Tensor

from reprise.core.marks import Marks
from reprise.ops.backend import ON_CPU, ON_GPU, library_takes
from reprise.ops.lstm.reference import LSTMMemory

__all__ = ["lstm_of_input", "serves"]

SHUT = 1e6  # a gate that is given this is one, or zero with a minus: exactly, in float32
SIDE = 16  # more columns of the input where rows are padded: one says so, the others keep it aligned


def serves(x: Float[Tensor, "B T D"], weight: Float[Tensor, "*H g d"], marks: Marks) -> bool:
    """Whether it can take this: float32, more than one step, no heads, and no new sequence on the way."""
    return marks.fresh is None and library_takes(x, weight, ON_CPU | ON_GPU)


def lstm_of_input(
    x: Float[Tensor, "B T D"], weight_x: Float[Tensor, "G D"], bias: Float[Tensor, "G"], weight: Float[Tensor, "G D"],
    memory: LSTMMemory, marks: Marks,
) -> tuple[Float[Tensor, "B T D"], LSTMMemory]:
    """`lstm` of x W' + b: every h_t (free at padding), and the last memory.

    At padding an input of its own shuts the input gate and opens the forget gate, so that c stays; h is picked out.
    """
    if marks.real is not None:
        x = torch.cat([x, (~marks.real)[..., None].to(x.dtype).expand(-1, -1, SIDE)], -1)
        shut = weight.new_zeros(len(weight), SIDE)
        i, f, _, _ = shut[:, 0].chunk(4)
        i.fill_(-SHUT)
        f.fill_(SHUT)
        weight_x = torch.cat([weight_x, shut], 1)
    weights = weight_x, weight, bias, torch.zeros_like(bias)
    training = torch.is_grad_enabled()  # whether to keep what a gradient needs; there is no dropout
    every, _, c = torch.lstm(x, [z[None] for z in memory], weights, True, 1, 0.0, training, False, True)
    if marks.real is None:
        return every, LSTMMemory(every[:, -1], c[0])
    last = marks.real.sum(1)[:, None, None].expand(-1, 1, every.shape[2])
    return every, LSTMMemory(torch.cat([memory.h[:, None], every], 1).gather(1, last)[:, 0], c[0])
