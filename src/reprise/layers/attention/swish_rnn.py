import torch
from torch import nn

from reprise.bases.cell import Cell
from reprise.core.errors import check_counts

__all__ = ["SwishRNN"]


class SwishRNN(Cell):
    """SwishRNN: a running maximum that is soft and can forget, in place of a Transformer's feed-forward layer.

        c_t = swish(c_{t-1} - u_t) + u_t;   u = A x;   swish(z) = z sigmoid(a z + b)
        y_t = O ((c_t + d) sigmoid(G x_t + e)) + f

    Shapes   x (B T D) -> y (B T D);  memory c (B N)
    Cost     6 T D N work, all of it outside the T steps of N numbers
    Source   Lei et al. 2022, arXiv:2205.11588, sec. 2   (lei2022simple)
    Differs  the paper's sigma is read as the sigmoid; the faster form that looks k steps back is left out; N is 8 D / 3
             as in the paper (2048 for 768), rounded; the vectors start so that swish is the plain one, matrices as
             `nn.Linear`: no code was given out
    """

    undecayed_parameters = ("slope", "shift")

    def __init__(self, width: int, hidden: int | None = None):
        check_counts("SwishRNN", width=width, hidden=hidden)
        N = round(8 * width / 3) if hidden is None else hidden
        super().__init__(width, (N,))
        self.into, self.gate = nn.Linear(width, N, bias=False), nn.Linear(width, N)
        self.slope, self.shift = nn.Parameter(torch.ones(N)), nn.Parameter(torch.zeros(N))
        self.offset = nn.Parameter(torch.zeros(N))
        self.out = nn.Linear(N, width)
        nn.init.zeros_(self.gate.bias)
        nn.init.zeros_(self.out.bias)

    def project(self, x):
        return self.into(x)

    def advance(self, p, memory):
        fallen = memory - p
        return fallen * torch.sigmoid(self.slope * fallen + self.shift) + p

    def readout(self, read, x):
        return self.out((read + self.offset) * torch.sigmoid(self.gate(x)))
