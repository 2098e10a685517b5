import math

import torch
from torch import nn

from reprise.core.errors import check_counts
from reprise.layers.linear._wide import wide
from reprise.layers.linear.plain._complex import ComplexDiagonal, ring
from reprise.layers.rates import Decaying

__all__ = ["LRU"]


class LRU(Decaying, ComplexDiagonal):
    """LRU: a stable complex diagonal recurrence between two matrices.

        lambda = exp(-exp(nu) + i exp(theta));   h_t = lambda h_{t-1} + exp(gamma) B x_t;   y_t = Re(C h_t) + D x_t

    Shapes   x (B T D) -> y (B T D);  memory h (B N), complex
    Cost     8 T D N work, log T depth
    Source   Orvieto et al. 2023, arXiv:2303.06349, sec. 3, app. A   (orvieto2023resurrecting)
    Differs  B and C are kept as pairs of real numbers, so that the layer casts like any other; the GLU around the
             paper's layer is the stack's; `rate` names other forms than exp(nu) (layers/rates.py)
    """

    recurrent_parameters = ("nu", "theta", "gamma", "B")
    rate_parameter = "nu"

    def __init__(
        self, width: int, hidden: int | None = None, r_min: float = 0.0, r_max: float = 1.0,
        max_phase: float = 2 * math.pi, rate: str = "exp",
    ):
        check_counts("LRU", width=width, hidden=hidden)
        N = width if hidden is None else hidden
        super().__init__(width, (N,))
        square, phase = ring("LRU", N, r_min, r_max, max_phase)
        self.start_rates(-0.5 * square.log(), rate)
        self.theta = nn.Parameter(phase.log())
        self.gamma = nn.Parameter(0.5 * torch.log1p(-square))
        self.start_maps(width, N)

    def project(self, x):
        theta, gamma = (wide(p).exp() for p in (self.theta, self.gamma))
        b = self.enter(x, gamma[:, None, None] * self.B)
        return torch.polar(torch.exp(-self.rates()), theta).expand(b.shape), b
