"""The gated recurrent unit."""
from math import sqrt

from torch import nn

from reprise.bases.cell import Cell
from reprise.bases.recurrent import State
from reprise.ops.gru import gru, library, reference

__all__ = ["GRU"]


class GRU(Cell):
    """GRU: two gates, and no separate memory cell.

        r, z = sigmoid(W x_t + b + U h_{t-1} + c)
        n = tanh(V x_t + d + r (Q h_{t-1} + e))
        h_t = (1 - z) n + z h_{t-1};   y_t = h_t

    Shapes   x (B T D) -> y (B T D);  memory h (B D)
    Cost     12 T D^2 work, T depth
    Source   Cho et al. 2014, arXiv:1406.1078, sec. 2.3   (cho2014gru)
    Differs  as torch.nn.GRU: r gates Q h + e, not h, so that a step is one matrix product; two biases; a uniform start
    """

    def __init__(self, width: int):
        super().__init__(width, (width,))
        self.from_x = nn.Linear(width, 3 * width)
        self.from_h = nn.Linear(width, 3 * width)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -1 / sqrt(width), 1 / sqrt(width))

    def project(self, x):
        return self.from_x(x)

    def advance(self, p, memory):
        return reference.advance(p, memory, self.from_h.weight, self.from_h.bias)

    def recur(self, p, memory, marks):
        return gru(p, self.from_h.weight, self.from_h.bias, memory, marks)

    def run(self, x, state, marks):
        if self.solver is not None or not library.serves(x, self.from_h.weight, marks):
            return super().run(x, state, marks)
        weights = self.from_x.weight, self.from_h.weight, self.from_x.bias, self.from_h.bias
        read, memory = library.gru_of_input(x, weights, state.memory)
        return read, State((), memory)
