import math

import torch
from torch import nn
from torch.nn.functional import silu, softplus

from reprise.bases.recurrent import Recurrent
from reprise.core.errors import check_counts
from reprise.layers.convolution.short_convolution import ShortConvolution
from reprise.ops.selective_scan import Selection, selective_scan

__all__ = ["Mamba"]


class Mamba(Recurrent):
    """Mamba: a diagonal state space whose step size, input and output are chosen by the input.

        u = silu(conv(W x));   dt = softplus(R Q u + c);   h_t = exp(dt A) h_{t-1} + dt B(u) u;   A = -exp(log_A)
        y_t = O ((C(u) h_t + D u) silu(Z x_t))

    Shapes   x (B T D) -> y (B T D);  memory h (B E N), local: the last three W x (B 3 E)
    Cost     T E (3 D + 2 R + 9 N) work, R the rank of dt
    Source   Gu & Dao 2023, arXiv:2312.00752, alg. 2, sec. 3.4, 3.6; state-spaces/mamba   (gu2023mamba)
    Differs  the authors' language model starts O smaller in deeper stacks; a layer alone has no depth
    """

    def __init__(
        self, width: int, hidden: int | None = None, states: int = 16, rank: int | None = None, kernel_size: int = 4
    ):
        check_counts("Mamba", width=width, hidden=hidden, states=states, rank=rank, kernel_size=kernel_size)
        E, N = 2 * width if hidden is None else hidden, states
        R = math.ceil(width / 16) if rank is None else rank
        super().__init__(width, (E, N))
        self.split = R, N, N
        self.local = ShortConvolution(width, E, kernel_size)
        self.select = nn.Linear(E, sum(self.split), bias=False)
        self.step_size = nn.Linear(R, E)
        self.log_A = nn.Parameter(torch.arange(1.0, N + 1).log().repeat(E, 1))
        self.D = nn.Parameter(torch.ones(E))
        self.gate = nn.Linear(width, E, bias=False)
        self.out = nn.Linear(E, width, bias=False)
        nn.init.uniform_(self.step_size.weight, -(R**-0.5), R**-0.5)
        dt = torch.empty(E).uniform_(math.log(1e-3), math.log(1e-1)).exp()  # above the authors' floor of 1e-4
        self.step_size.bias.data = dt + torch.log(-torch.expm1(-dt))  # softplus of it is dt

    def project(self, x, u):
        u = silu(u)
        dt, B, C = self.select(u).split(self.split, -1)
        return Selection(u, softplus(self.step_size(dt)), B, C)

    def recur(self, p, h, marks):
        read, h = selective_scan(p, -self.log_A.exp(), h, marks)
        return read + self.D * p.u, h

    def readout(self, read, x, u):
        return self.out(read * silu(self.gate(x)))
