from math import sqrt

import torch
from torch import nn

from reprise.bases.cell import Cell
from reprise.core.errors import check_counts

__all__ = ["Jordan"]


class Jordan(Cell):
    """Jordan network: the hidden layer sees the network's own last output.

        h_t = tanh(W x_t + b + U y_{t-1});   y_t = V h_t + c

    Shapes   x (B T D) -> y (B T D);  memory y (B D)
    Cost     2 T (D^2 + 2 D N) work, T depth
    Source   Jordan 1986, ICS report 8604; Lipton et al. 2015, arXiv:1506.00019   (jordan1986serial)
    Differs  tanh for the logistic function; a linear output; the state units keep no trace of earlier outputs; the
             gradient runs through all steps; uniform start of torch.nn.RNN
    """

    def __init__(self, width: int, hidden: int | None = None):
        check_counts("Jordan", width=width, hidden=hidden)
        N = width if hidden is None else hidden
        super().__init__(width, (width,))
        self.from_x = nn.Linear(width, N)
        self.from_y = nn.Linear(width, N, bias=False)
        self.out = nn.Linear(N, width)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -1 / sqrt(N), 1 / sqrt(N))

    def project(self, x):
        return self.from_x(x)

    def advance(self, p, y):
        return self.out(torch.tanh(p + self.from_y(y))).to(y.dtype)  # which autocast would change
