import torch
from torch import nn

from reprise.bases.linear_recurrence import LinearRecurrence
from reprise.layers.convolution.token_shift import TokenShift
from reprise.layers.linear._wide import wide

__all__ = ["QRNN"]


class QRNN(LinearRecurrence):
    """QRNN: a convolution makes candidates and gates, and pooling along time is all that recurs.

        z, f, o = tanh, sigmoid, sigmoid of (W x_t + V x_{t-1} + b)
        c_t = f c_{t-1} + (1 - f) z;   y_t = o c_t

    Shapes   x (B T D) -> y (B T D);  memory c (B D), local: x_{t-1} (B 1 D)
    Cost     12 T D^2 work, log T depth
    Source   Bradbury et al. 2016, arXiv:1611.01576, sec. 2 (fo-pooling)   (bradbury2016quasi)
    Differs  the convolution is 2 steps wide, as in the paper's language models; no zoneout of f, which is dropout
    """

    def __init__(self, width: int):
        super().__init__(width, (width,))
        self.local = TokenShift(width)
        self.pooled = nn.Linear(2 * width, 2 * width)
        self.output_gate = nn.Linear(2 * width, width)

    def project(self, x, u):
        z, f = wide(self.pooled(torch.cat([x, u], -1))).chunk(2, -1)
        return torch.sigmoid(f), torch.sigmoid(-f) * torch.tanh(z)

    def readout(self, c, x, u):
        return torch.sigmoid(self.output_gate(torch.cat([x, u], -1))) * c
