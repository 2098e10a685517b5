import math

import torch
from torch import nn

from reprise.bases.cell import Cell
from reprise.layers.linear._wide import wide

__all__ = ["SRU"]


class SRU(Cell):
    """SRU: gates see the memory only elementwise, so that all its matrices meet the input at once.

        f_t = sigmoid(U x_t + v c_{t-1} + b);   c_t = f_t c_{t-1} + (1 - f_t) W x_t
        r_t = sigmoid(R x_t + s c_{t-1} + d);   y_t = r_t c_t + (1 - r_t) alpha x_t;   alpha = sqrt(1 + 2 exp(d_0))

    Shapes   x (B T D) -> y (B T D);  memory c (B D)
    Cost     6 T D^2 work, T depth
    Source   Lei et al. 2018, arXiv:1709.02755, sec. 3, 3.2; the authors' sru 2.6, rescaled   (lei2018simple)
    Differs  none; this is the published form, not the preprint's first, whose gates did not see c (v = s = 0) and which
        was linear in it; d_0 is where d starts: 0, or below it for layers that should first hand on their input
    """

    memory_precision = torch.float32
    undecayed_parameters = ("look", "bias")

    def __init__(self, width: int, highway_bias: float = 0.0):
        super().__init__(width, (width,))
        self.inward = nn.Linear(width, 3 * width, bias=False)
        self.look = nn.Parameter(torch.empty(2, width).uniform_(-(1.5**0.5), 1.5**0.5))  # v, s
        self.bias = nn.Parameter(torch.tensor([[0.0], [highway_bias]]).repeat(1, width))  # b, d
        self.alpha = math.sqrt(1 + 2 * math.exp(highway_bias))
        edge = math.sqrt(3 / width)
        nn.init.uniform_(self.inward.weight[:width], -edge, edge)
        nn.init.uniform_(self.inward.weight[width:], -edge * 0.5**0.5, edge * 0.5**0.5)

    def project(self, x):
        return wide(self.inward(x)).split([self.width, 2 * self.width], -1)

    def gate(self, which: int, seen: torch.Tensor, c: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(seen + self.look[which] * c + self.bias[which])

    def advance(self, p, c):
        candidate, seen = p
        return candidate + self.gate(0, seen.chunk(2, -1)[0], c) * (c - candidate)

    def through_time(self, p, memory, marks):
        every, end = super().through_time(p, memory, marks)
        before = torch.cat([memory[:, None], every], 1)[:, :-1]
        r = self.gate(1, p[1].chunk(2, -1)[1], marks.restart(before, 0.0))
        return (every, r), end

    def readout(self, read, x):
        c, r = read
        return self.alpha * x + r * (c - self.alpha * x)
