import torch
from torch import nn

from reprise.bases.linear_recurrence import LinearRecurrence
from reprise.core.errors import check_counts
from reprise.layers.linear._wide import wide

__all__ = ["QuasiLSTM"]


class QuasiLSTM(LinearRecurrence):
    """qLSTM: an LSTM whose gates and candidate see the input only, so that time is a linear scan.

        f = sigmoid(F x_t + a + 1);   i, o = sigmoid(W x_t + b);   z = tanh(V x_t + d)
        c_t = f c_{t-1} + i z;   y_t = P (o tanh(c_t)) + e

    Shapes   x (B T D) -> y (B T D);  memory c (B N)
    Cost     10 T D N work, log T depth
    Source   Stanic et al. 2023, arXiv:2309.11197, the quasi-LSTM; languini-kitchen   (stanic2023languini)
    Differs  none; its heads share nothing and are not told apart here: N is their number times their size. The scan
             multiplies forget gates, where the authors' code adds their logarithms up, 1e-8 added to each gate
    """

    def __init__(self, width: int, hidden: int | None = None):
        check_counts("QuasiLSTM", width=width, hidden=hidden)
        N = width if hidden is None else hidden
        super().__init__(width, (N,))
        self.into_cell = nn.Linear(width, 3 * N)  # f, i, z
        self.output_gate = nn.Linear(width, N)
        self.out = nn.Linear(N, width)
        for linear in (self.into_cell, self.output_gate, self.out):
            nn.init.normal_(linear.weight, std=0.02)
            nn.init.zeros_(linear.bias)

    def project(self, x):
        f, i, z = wide(self.into_cell(x)).chunk(3, -1)
        return torch.sigmoid(f + 1), torch.sigmoid(i) * torch.tanh(z)

    def readout(self, c, x):
        return self.out(torch.sigmoid(self.output_gate(x)) * torch.tanh(c))
