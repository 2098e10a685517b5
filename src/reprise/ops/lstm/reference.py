"""i, f, o = sigmoid(p + U h);  g = tanh(p + U h);  c = f c + i g;  h = o tanh(c): one step at a time."""
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from reprise.core.marks import NO_MARKS, Marks
from reprise.ops.heads import product
from reprise.ops.unroll import unroll

__all__ = ["LSTMMemory", "advance", "lstm"]


class LSTMMemory(NamedTuple):
    """What an LSTM carries: its output, and the cell that only its gates reach."""

    h: Float[Tensor, "B D"]
    c: Float[Tensor, "B D"]


def advance(p: Float[Tensor, "B G"], memory: LSTMMemory, weight: Float[Tensor, "*H g d"]) -> LSTMMemory:
    """The memory one step later; G = 4D: input i, forget f, candidate g, output o."""
    i, f, g, o = (p + product(memory.h, weight)).chunk(4, -1)
    c = torch.sigmoid(f) * memory.c + torch.sigmoid(i) * torch.tanh(g)
    return LSTMMemory(torch.sigmoid(o) * torch.tanh(c), c)


def lstm(
    p: Float[Tensor, "B T G"], weight: Float[Tensor, "*H g d"], memory: LSTMMemory, marks: Marks = NO_MARKS
) -> tuple[Float[Tensor, "B T D"], LSTMMemory]:
    def step(p_t, memory):
        return advance(p_t, memory, weight)

    zero = torch.zeros_like(memory.h[:1])
    return unroll(step, p, memory, marks, start=LSTMMemory(zero, zero), emit=lambda memory: memory.h)
