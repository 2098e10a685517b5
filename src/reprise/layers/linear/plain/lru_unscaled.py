import math

import torch
from torch import nn

from reprise.core.errors import check_counts
from reprise.layers.linear._wide import wide
from reprise.layers.linear.plain._complex import ComplexDiagonal, ring

__all__ = ["LRUUnscaled"]


class LRUUnscaled(ComplexDiagonal):
    """LRU without gamma: a stable complex diagonal recurrence whose memory grows the larger, the longer it lasts.

        lambda = exp(-exp(nu) + i exp(theta));   h_t = lambda h_{t-1} + B x_t;   y_t = Re(C h_t) + D x_t

    Shapes   x (B T D) -> y (B T D);  memory h (B N), complex
    Cost     8 T D N work, log T depth
    Source   Orvieto et al. 2023, arXiv:2303.06349, sec. 3.3: the rungs between a diagonal and LRU, the exponential
             form and, with r_min and r_max, the ring   (orvieto2023resurrecting)
    Differs  B and C are kept as pairs of real numbers
    """

    recurrent_parameters = ("nu", "theta", "B")

    def __init__(self, width: int, hidden: int | None = None, r_min: float = 0.0, r_max: float = 1.0,
                 max_phase: float = 2 * math.pi):
        check_counts("LRUUnscaled", width=width, hidden=hidden)
        N = width if hidden is None else hidden
        super().__init__(width, (N,))
        square, phase = ring("LRUUnscaled", N, r_min, r_max, max_phase)
        self.nu = nn.Parameter((-0.5 * square.log()).log())
        self.theta = nn.Parameter(phase.log())
        self.start_maps(width, N)

    def project(self, x):
        b = self.enter(x, self.B)
        rate, theta = wide(self.nu).exp(), wide(self.theta).exp()
        return torch.polar(torch.exp(-rate), theta).expand(b.shape), b
