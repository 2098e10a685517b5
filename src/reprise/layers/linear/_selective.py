"""What the selective state spaces share: Mamba, of which others change one part."""
import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import silu, softplus

from reprise.bases.recurrent import Recurrent
from reprise.core.errors import check_counts
from reprise.layers.convolution.short_convolution import ShortConvolution
from reprise.layers.linear._step_size import first_dt
from reprise.ops.selective_scan import Selection, selective_scan

__all__ = ["Selective"]


class Selective(Recurrent):
    """Step size, input and output of a diagonal state space chosen by the input, between two gated projections."""

    undecayed_parameters = ("log_A",)

    def __init__(
        self, width: int, hidden: int | None = None, states: int = 16, rank: int | None = None, kernel_size: int = 4
    ):
        check_counts(
            type(self).__name__, width=width, hidden=hidden, states=states, rank=rank, kernel_size=kernel_size)
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
        self.step_size.bias.data = first_dt(E)

    def project(self, x, u):
        u = silu(u)
        dt, B, C = self.choose(u)
        return Selection(u, softplus(self.step_size(dt)), B, C)

    def choose(self, u: Float[Tensor, "B T E"]) -> tuple[Tensor, Tensor, Tensor]:
        """Of every step: the step size in R numbers, B and C."""
        return self.select(u).split(self.split, -1)

    def recur(self, p, h, marks):
        read, h = selective_scan(p, -self.log_A.exp(), h, marks)
        return read + self.D * p.u, h

    def readout(self, read, x, u):
        return self.out(read * silu(self.gate(x)))
