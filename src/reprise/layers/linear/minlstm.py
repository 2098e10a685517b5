import torch
from torch import nn
from torch.nn.functional import logsigmoid

from reprise.bases.linear_recurrence import LinearRecurrence
from reprise.layers.linear._positive import positive
from reprise.layers.linear._wide import wide

__all__ = ["MinLSTM"]


class MinLSTM(LinearRecurrence):
    """minLSTM: an LSTM without output gate, whose other two see only the input and share out one.

        f_t = sigmoid(W x_t + c);   i_t = sigmoid(V x_t + e);   f'_t = f_t / (f_t + i_t);   i'_t = i_t / (f_t + i_t)
        h_t = f'_t h_{t-1} + i'_t g(U x_t + d);   g(u) = u + 1/2 for u > 0, else sigmoid(u)

    Shapes   x (B T D) -> y (B T D);  memory h (B D)
    Cost     6 T D^2 work, log T depth
    Source   Feng et al. 2024, arXiv:2410.01201, sec. 3.2, app. B   (feng2024were)
    Differs  the scan runs on h in float32, not on log h: g keeps every term positive, so nothing cancels; h_0 = 0;
             `forget_bias` is added to torch's usual start of c
    """

    def __init__(self, width: int, forget_bias: float = 0.0):
        super().__init__(width, (width,))
        self.gates = nn.Linear(width, 2 * width)
        self.candidate = nn.Linear(width, width)
        self.gates.bias.data[:width] += forget_bias

    def project(self, x):
        f, i = logsigmoid(wide(self.gates(x))).chunk(2, -1)  # f / (f + i) = sigmoid(log f - log i), never 0 / 0
        return torch.sigmoid(f - i), torch.sigmoid(i - f) * positive(wide(self.candidate(x)))
