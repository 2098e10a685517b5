from math import sqrt

import torch
from torch import nn

from reprise.bases.cell import Cell
from reprise.ops.lstm import LSTMMemory, reference

__all__ = ["MultiplicativeLSTM"]


class MultiplicativeLSTM(Cell):
    """Multiplicative LSTM: every input has a recurrent matrix of its own, U diag(M x) N.

        m = (M x_t) (N h_{t-1});   i, f, o = sigmoid(W x_t + b + U m);   g = tanh(V x_t + d + Q m)
        c_t = f c_{t-1} + i g;   h_t = o tanh(c_t);   y_t = h_t

    Shapes   x (B T D) -> y (B T D);  memory h, c (B D)
    Cost     20 T D^2 work, T depth, in two products a step where `lstm` has one
    Source   Krause et al. 2016, arXiv:1609.07959, eq. 18-22   (krause2016multiplicative)
    Differs  gates and candidate have biases, as in Radford et al. 2017 (arXiv:1704.01444), whose weight normalisation
             is not part of it; starts as `lstm` does: uniform, the forget gate's bias at one
    """

    def __init__(self, width: int):
        super().__init__(width, (width,))
        self.from_x = nn.Linear(width, 4 * width)
        self.factor_from_x = nn.Linear(width, width, bias=False)
        self.factor_from_h = nn.Linear(width, width, bias=False)
        self.from_m = nn.Linear(width, 4 * width, bias=False)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -1 / sqrt(width), 1 / sqrt(width))
        with torch.no_grad():
            self.from_x.bias[width : 2 * width] = 1.0

    def initial_memory(self, batch):
        return LSTMMemory(super().initial_memory(batch), super().initial_memory(batch))

    def project(self, x):
        return self.from_x(x), self.factor_from_x(x)

    def advance(self, p, memory):
        p, factor = p
        m = factor * self.factor_from_h(memory.h)
        return reference.advance(p, LSTMMemory(m, memory.c), self.from_m.weight)

    def emit(self, memory):
        return memory.h
