"""One step of an LSTM with peepholes, in parts that its variants override."""
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from reprise.bases.cell import Cell
from reprise.ops.lstm import LSTMMemory

__all__ = ["LSTMBlock"]


class LSTMBlock(Cell):
    """The vanilla LSTM of Greff et al. 2015; a variant says which sums it has, and overrides what it changes.

    `sums` are what `from_x` and `from_h` give, in order: g is the candidate, the others are gates with a peephole each.
    A gate that is removed is one, and has no parameters.
    """

    sums: ClassVar[str] = "ifgo"
    undecayed_parameters = ("peepholes",)

    def __init__(self, width: int):
        super().__init__(width, (width,))
        self.from_x = nn.Linear(width, len(self.sums) * width)
        self.from_h = nn.Linear(width, len(self.sums) * width, bias=False)
        self.peepholes = nn.Parameter(torch.empty(len(self.sums) - 1, width))
        for parameter in self.parameters():
            nn.init.normal_(parameter, std=0.1)

    def initial_memory(self, batch):
        return LSTMMemory(super().initial_memory(batch), super().initial_memory(batch))

    def project(self, x):
        return self.from_x(x)

    def emit(self, memory):
        return memory.h

    def advance(self, p, memory):
        return self.fill(self.named(p + self.from_h(memory.h)), memory.c)[1]

    def fill(self, sums: dict[str, Tensor], c: Float[Tensor, "B D"]) -> tuple[tuple, LSTMMemory]:
        """The gates i, f, o, and the memory they lead to."""
        i, f = self.input_and_forget(sums, c)
        c = f * c + i * self.squash_candidate(sums["g"])
        o = self.output(sums, c)
        return (i, f, o), LSTMMemory(o * self.squash_cell(c), c)

    def input_and_forget(self, sums, c):
        return self.gate("i", sums, c), self.gate("f", sums, c)

    def output(self, sums, c):
        return self.gate("o", sums, c)

    def squash_candidate(self, g):
        return torch.tanh(g)

    def squash_cell(self, c):
        return torch.tanh(c)

    def gate(self, name: str, sums: dict[str, Tensor], c: Float[Tensor, "B D"]) -> Float[Tensor, "B D"]:
        peephole = self.peepholes[self.sums.replace("g", "").index(name)]
        return torch.sigmoid(sums[name] + peephole * c)

    def named(self, sums: Float[Tensor, "B G"]) -> dict[str, Tensor]:
        return dict(zip(self.sums, sums.chunk(len(self.sums), -1), strict=True))
