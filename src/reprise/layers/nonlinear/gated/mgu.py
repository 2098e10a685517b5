from math import sqrt

import torch
from torch import nn

from reprise.bases.cell import Cell

__all__ = ["MGU"]


class MGU(Cell):
    """MGU: one gate, which decides both what the candidate sees and how much of it is taken.

        f = sigmoid(W x_t + b + U h_{t-1});   n = tanh(V x_t + d + Q (f h_{t-1}))
        h_t = (1 - f) h_{t-1} + f n;   y_t = h_t

    Shapes   x (B T D) -> y (B T D);  memory h (B D)
    Cost     8 T D^2 work, T depth
    Source   Zhou et al. 2016, arXiv:1603.09420, sec. 3   (zhou2016minimal)
    Differs  none in the equations; a uniform start, as torch.nn.GRU has it
    """

    def __init__(self, width: int):
        super().__init__(width, (width,))
        self.from_x = nn.Linear(width, 2 * width)
        self.gate_from_h = nn.Linear(width, width, bias=False)
        self.candidate_from_h = nn.Linear(width, width, bias=False)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -1 / sqrt(width), 1 / sqrt(width))

    def project(self, x):
        return self.from_x(x)

    def advance(self, p, memory):
        gate, candidate = p.chunk(2, -1)
        f = torch.sigmoid(gate + self.gate_from_h(memory))
        n = torch.tanh(candidate + self.candidate_from_h(f * memory))
        return (1 - f) * memory + f * n
