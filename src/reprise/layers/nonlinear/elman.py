"""The Elman network."""
from math import sqrt

from torch import nn

from reprise.bases.cell import Cell
from reprise.ops.elman import elman, reference

__all__ = ["Elman"]


class Elman(Cell):
    """Elman network: the hidden layer sees its own last value.

        h_t = tanh(W x_t + c + U h_{t-1});   y_t = h_t

    Shapes   x (B T D) -> y (B T D);  memory h (B D)
    Cost     4 T D^2 work, T depth
    Source   Elman 1990, doi:10.1207/s15516709cog1402_1, fig. 2   (elman1990finding)
    Differs  tanh for the logistic function; the gradient runs through all steps, not one; uniform start of torch.nn.RNN
    """

    def __init__(self, width: int):
        super().__init__(width, (width,))
        self.from_x = nn.Linear(width, width)
        self.from_h = nn.Linear(width, width, bias=False)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -1 / sqrt(width), 1 / sqrt(width))

    def project(self, x):
        return self.from_x(x)

    def advance(self, p, memory):
        return reference.advance(p, memory, self.from_h.weight)

    def recur(self, p, memory, marks):
        return elman(p, self.from_h.weight, memory, marks)
