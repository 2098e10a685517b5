"""Long short-term memory."""
from math import sqrt

import torch
from torch import nn

from reprise.bases.cell import Cell
from reprise.bases.recurrent import State
from reprise.ops.lstm import LSTMMemory, library, lstm, reference

__all__ = ["LSTM"]


class LSTM(Cell):
    """LSTM: a cell that only gates write, forget and read.

        i, f, o = sigmoid(W x_t + b + U h_{t-1});   g = tanh(V x_t + d + Q h_{t-1})
        c_t = f c_{t-1} + i g;   h_t = o tanh(c_t);   y_t = h_t

    Shapes   x (B T D) -> y (B T D);  memory h, c (B D)
    Cost     16 T D^2 work, T depth
    Source   Hochreiter & Schmidhuber 1997, doi:10.1162/neco.1997.9.8.1735, sec. 4   (hochreiter1997long);
             the forget gate is Gers et al. 2000, doi:10.1162/089976600300015015, sec. 3   (gers2000learning)
    Differs  the gradient is not truncated; tanh for both squashing functions; one cell to a block; the forget gate
             starts with bias 1 (Jozefowicz et al. 2015, sec. 2.2), the rest uniform as in torch.nn.LSTM; one bias only
    """

    def __init__(self, width: int):
        super().__init__(width, (width,))
        self.from_x = nn.Linear(width, 4 * width)
        self.from_h = nn.Linear(width, 4 * width, bias=False)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -1 / sqrt(width), 1 / sqrt(width))
        with torch.no_grad():
            self.from_x.bias[width : 2 * width] = 1.0

    def initial_memory(self, batch):
        return LSTMMemory(super().initial_memory(batch), super().initial_memory(batch))

    def project(self, x):
        return self.from_x(x)

    def advance(self, p, memory):
        return reference.advance(p, memory, self.from_h.weight)

    def emit(self, memory):
        return memory.h

    def recur(self, p, memory, marks):
        return lstm(p, self.from_h.weight, memory, marks)

    def run(self, x, state, marks):
        if self.solver is not None or not library.serves(x, self.from_h.weight, marks):
            return super().run(x, state, marks)
        read, memory = library.lstm_of_input(
            x, self.from_x.weight, self.from_x.bias, self.from_h.weight, state.memory, marks)
        return read, State((), memory)
