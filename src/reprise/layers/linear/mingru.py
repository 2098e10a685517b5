import torch
from torch import nn

from reprise.bases.linear_recurrence import LinearRecurrence
from reprise.layers.linear._positive import positive
from reprise.layers.linear._wide import wide

__all__ = ["MinGRU"]


class MinGRU(LinearRecurrence):
    """minGRU: a GRU whose gates see only the input, so time is a linear scan.

        z_t = sigmoid(W x_t + c);   h_t = (1 - z_t) h_{t-1} + z_t g(U x_t + d)
        g(u) = u + 1/2 for u > 0, else sigmoid(u)

    Shapes   x (B T D) -> y (B T D);  memory h (B D)
    Cost     4 T D^2 work, log T depth
    Source   Feng et al. 2024, arXiv:2410.01201, sec. 3.1, app. B.2   (feng2024were)
    Differs  the scan runs on h in float32, not on log h: g keeps every term positive, so nothing cancels; h_0 = 0
    """

    def __init__(self, width: int):
        super().__init__(width, (width,))
        self.gate = nn.Linear(width, width)
        self.candidate = nn.Linear(width, width)

    def project(self, x):
        z = torch.sigmoid(wide(self.gate(x)))
        return 1 - z, z * positive(wide(self.candidate(x)))
