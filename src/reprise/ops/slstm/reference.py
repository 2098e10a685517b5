"""m = max(log f + m, i);  c = f' c + i' tanh(z);  n = f' n + i';  h = sigmoid(o) c / n: one step at a time."""
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import logsigmoid

from reprise.core.marks import NO_MARKS, Marks
from reprise.ops.heads import product
from reprise.ops.unroll import unroll

__all__ = ["SLSTMMemory", "advance", "nothing", "slstm"]


class SLSTMMemory(NamedTuple):
    """Output, cell and normaliser; the last two over exp(m), which keeps them in range. Nothing seen: 0, 0, 0, -inf."""

    h: Float[Tensor, "B D"]
    c: Float[Tensor, "B D"]
    n: Float[Tensor, "B D"]
    m: Float[Tensor, "B D"]


def nothing(like: Float[Tensor, "B D"]) -> SLSTMMemory:
    """What a cell carries before its first step."""
    zero = torch.zeros_like(like)
    return SLSTMMemory(zero, zero, zero, torch.full_like(like, -torch.inf))


def advance(p: Float[Tensor, "B G"], memory: SLSTMMemory, weight: Float[Tensor, "*H g d"]) -> SLSTMMemory:
    """The memory one step later; G = 4D: input i, forget f, candidate z, output o."""
    i, f, z, o = (p + product(memory.h, weight)).chunk(4, -1)
    kept = memory.m + logsigmoid(f)
    m = torch.maximum(kept, i)
    left, new = torch.exp(kept - m), torch.exp(i - m)
    c, n = left * memory.c + new * torch.tanh(z), left * memory.n + new
    return SLSTMMemory(torch.sigmoid(o) * (c / n), c, n, m)


def slstm(
    p: Float[Tensor, "B T G"], weight: Float[Tensor, "*H g d"], memory: SLSTMMemory, marks: Marks = NO_MARKS
) -> tuple[Float[Tensor, "B T D"], SLSTMMemory]:
    def step(p_t, memory):
        return advance(p_t, memory, weight)

    return unroll(step, p, memory, marks, start=nothing(memory.h[:1]), emit=lambda memory: memory.h)
