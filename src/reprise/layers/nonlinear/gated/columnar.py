import torch
from torch import nn

from reprise.bases.cell import Cell
from reprise.ops.lstm import LSTMMemory

__all__ = ["Columnar"]


class Columnar(Cell):
    """Columnar network: LSTMs of one unit side by side, which all see the input and never each other.

        i, f, o = sigmoid(W x_t + u h_{t-1} + b);   g = tanh(V x_t + v h_{t-1} + d)
        c_t = f c_{t-1} + i g;   h_t = o tanh(c_t);   y_t = h_t

    u and v are vectors, one number a gate and column: what a column owes to parameters it owes to its own, which makes
    exact real-time recurrent learning as cheap as a step.

    Shapes   x (B T D) -> y (B T D);  memory h, c (B D)
    Cost     8 T D^2 work, of which time meets 30 T D; T depth
    Source   Javed et al. 2023, arXiv:2302.05326, columnar networks   (javed2023scalable)
    Differs  one stage of columns, none frozen; features are not divided by their running deviation, which changes with
             training and not with the sequence; all parameters start uniform in +-0.01, as in the authors' code
    """

    undecayed_parameters = ("from_h",)

    def __init__(self, width: int):
        super().__init__(width, (width,))
        self.from_x = nn.Linear(width, 4 * width)  # i, f, g, o
        self.from_h = nn.Parameter(torch.empty(4, width))
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -0.01, 0.01)

    def initial_memory(self, batch):
        return LSTMMemory(super().initial_memory(batch), super().initial_memory(batch))

    def project(self, x):
        return self.from_x(x)

    def advance(self, p, memory):
        i, f, g, o = (p.unflatten(-1, (4, -1)) + self.from_h * memory.h[:, None]).unbind(1)
        c = torch.sigmoid(f) * memory.c + torch.sigmoid(i) * torch.tanh(g)
        return LSTMMemory(torch.sigmoid(o) * torch.tanh(c), c)

    def emit(self, memory):
        return memory.h
