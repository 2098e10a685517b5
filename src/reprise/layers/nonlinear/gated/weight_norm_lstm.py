from math import sqrt

import torch
from torch import nn
from torch.nn.functional import linear

from reprise.bases.cell import Cell
from reprise.bases.recurrent import State
from reprise.layers._weight_norm import WeightNorm
from reprise.ops.lstm import LSTMMemory, library, lstm, reference

__all__ = ["WeightNormLSTM"]


class WeightNormLSTM(Cell):
    """LSTM whose weights are learned as directions and lengths.

        i, f, o = sigmoid(W x_t + b + U h_{t-1});   g = tanh(V x_t + d + Q h_{t-1})
        c_t = f c_{t-1} + i g;   h_t = o tanh(c_t);   y_t = h_t;   every row of W, U, V, Q is s v / |v|

    Shapes   x (B T D) -> y (B T D);  memory h, c (B D)
    Cost     16 T D^2 work, T depth; the norms are taken once a sequence: 24 D^2
    Source   Salimans & Kingma 2016, arXiv:1602.07868, sec. 2   (salimans2016weight)
    Differs  none; what depends on data at the start is not there for recurrent networks (sec. 3 of the paper): it
             starts as the function that `lstm` starts as
    """

    def __init__(self, width: int):
        super().__init__(width, (width,))
        edge = 1 / sqrt(width)
        self.from_x = WeightNorm(torch.empty(4 * width, width).uniform_(-edge, edge))
        self.bias = nn.Parameter(torch.empty(4 * width).uniform_(-edge, edge))
        self.from_h = WeightNorm(torch.empty(4 * width, width).uniform_(-edge, edge))
        with torch.no_grad():
            self.bias[width : 2 * width] = 1.0

    def initial_memory(self, batch):
        return LSTMMemory(super().initial_memory(batch), super().initial_memory(batch))

    def project(self, x):
        return linear(x, self.from_x(), self.bias)

    def advance(self, p, memory):
        return reference.advance(p, memory, self.from_h())

    def emit(self, memory):
        return memory.h

    def recur(self, p, memory, marks):
        return lstm(p, self.from_h(), memory, marks)

    def run(self, x, state, marks):
        if self.solver is not None or not library.serves(x, self.from_h.direction, marks):
            return super().run(x, state, marks)
        read, memory = library.lstm_of_input(x, self.from_x(), self.bias, self.from_h(), state.memory, marks)
        return read, State((), memory)
