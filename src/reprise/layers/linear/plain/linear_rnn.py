import math

import torch
from torch import nn
from torch.nn.functional import linear

from reprise.bases.recurrent import Recurrent
from reprise.core.errors import check_counts
from reprise.layers.linear._wide import wide
from reprise.ops.invariant_scan import invariant_scan

__all__ = ["LinearRNN"]


class LinearRNN(Recurrent):
    """A linear RNN: Elman's network without its nonlinearity, between two matrices.

        h_t = A h_{t-1} + B x_t;   y_t = C h_t + D x_t, A dense, D diagonal

    Shapes   x (B T D) -> y (B T D);  memory h (B N)
    Cost     2 T N^2 log T + 4 T D N work, log T depth
    Source   Orvieto et al. 2023, arXiv:2303.06349, sec. 3.1: the first rung below LRU   (orvieto2023resurrecting)
    Differs  A starts divided by its spectral radius where that is above one, which happens where N is small; nothing
             keeps it there in training
    """

    recurrent_parameters = ("A", "B")

    def __init__(self, width: int, hidden: int | None = None):
        check_counts("LinearRNN", width=width, hidden=hidden)
        N = width if hidden is None else hidden
        super().__init__(width, (N,))
        A = torch.randn(N, N) / math.sqrt(N)  # Glorot's start: eigenvalues fill the unit disk, nearly
        self.A = nn.Parameter(A / torch.linalg.eigvals(A).abs().max().clamp_min(1))
        self.B = nn.Parameter(torch.randn(N, width) / math.sqrt(width))
        self.C = nn.Parameter(torch.randn(width, N) / math.sqrt(N))
        self.D = nn.Parameter(torch.randn(width))

    def project(self, x):
        return wide(linear(x, self.B))

    def recur(self, b, h, marks):
        every, h = invariant_scan(b[:, :, None].to(h.dtype), wide(self.A)[None], h[:, None], marks)
        return every[:, :, 0], h[:, 0]

    def readout(self, h, x):
        return linear(h, self.C) + self.D * x
