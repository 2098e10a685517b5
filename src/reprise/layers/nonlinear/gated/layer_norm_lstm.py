from math import sqrt

import torch
from torch import nn

from reprise.bases.cell import Cell
from reprise.ops.lstm import LSTMMemory

__all__ = ["LayerNormLSTM"]


class LayerNormLSTM(Cell):
    """LSTM with layer normalisation of what the gates see, and of the cell where it is read.

        i, f, g, o = n(W x_t) + n'(U h_{t-1}) + b;   c_t = sigmoid(f) c_{t-1} + sigmoid(i) tanh(g)
        h_t = sigmoid(o) tanh(n''(c_t) + e);   y_t = h_t;   n(a) = s (a - mean a) / sqrt(var a + 1e-5)

    n and n' run over all four gates together; the cell itself is carried as it is.

    Shapes   x (B T D) -> y (B T D);  memory h, c (B D)
    Cost     16 T D^2 work, T depth
    Source   Ba et al. 2016, arXiv:1607.06450, supplementary material   (ba2016layer)
    Differs  b stands for the three biases of the paper that only ever add up; n and n' have none. Gains start at one,
             b and e at zero; matrices, of which the paper says nothing, uniform as in `lstm`, and the forget gate's
             bias at one, as there.
             Nothing is left of the mean of one number: at D = 1 the output is constant but for its gate
    """

    def __init__(self, width: int):
        super().__init__(width, (width,))
        self.from_x = nn.Linear(width, 4 * width, bias=False)
        self.from_h = nn.Linear(width, 4 * width, bias=False)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -1 / sqrt(width), 1 / sqrt(width))
        self.norm_x = nn.LayerNorm(4 * width)
        self.norm_h = nn.LayerNorm(4 * width, bias=False)
        self.norm_c = nn.LayerNorm(width)
        with torch.no_grad():
            self.norm_x.bias[width : 2 * width] = 1.0

    def initial_memory(self, batch):
        return LSTMMemory(super().initial_memory(batch), super().initial_memory(batch))

    def project(self, x):
        return self.norm_x(self.from_x(x))

    def advance(self, p, memory):
        i, f, g, o = (p + self.norm_h(self.from_h(memory.h))).chunk(4, -1)
        c = torch.sigmoid(f) * memory.c + torch.sigmoid(i) * torch.tanh(g)
        return LSTMMemory(torch.sigmoid(o) * torch.tanh(self.norm_c(c)), c)

    def emit(self, memory):
        return memory.h
