import torch
from torch import nn

from reprise.bases.cell import Cell
from reprise.core.errors import check_counts

__all__ = ["IndRNN"]


class IndRNN(Cell):
    """IndRNN: every unit sees itself alone, through one weight.

        h_t = relu(W x_t + b + u h_{t-1}), u elementwise, |u| <= 2^(1/horizon);   y_t = h_t

    Shapes   x (B T D) -> y (B T D);  memory h (B D)
    Cost     2 T D^2 work, all of it before the T steps of D numbers
    Source   Li et al. 2018, arXiv:1803.04831, sec. 3; Sunnydreamrain/IndRNN_pytorch   (li2018independently)
    Differs  u is clipped where it is used, and its gradient passes the clip; the authors clip u itself after every
             update. W and b start as in their code, which also normalises batches between layers
    """

    def __init__(self, width: int, horizon: int = 1000):
        check_counts("IndRNN", width=width, horizon=horizon)
        super().__init__(width, (width,))
        self.bound = 2 ** (1 / horizon)
        self.from_x = nn.Linear(width, width)
        self.u = nn.Parameter(self.bound * torch.rand(width))
        nn.init.kaiming_uniform_(self.from_x.weight, a=8)
        nn.init.zeros_(self.from_x.bias)

    def project(self, x):
        return self.from_x(x)

    def advance(self, p, h):
        over = (self.u - self.u.clamp(-self.bound, self.bound)).detach()
        return torch.relu(p + (self.u - over) * h)
