import math

import torch
from torch import nn

from reprise.core.errors import check_counts
from reprise.layers.linear._wide import wide
from reprise.layers.linear.plain._complex import ComplexDiagonal, ring

__all__ = ["LRUDirect"]


class LRUDirect(ComplexDiagonal):
    """A complex diagonal linear RNN whose eigenvalues are learned as they are: LRU without its forms and its scale.

        lambda = u + i v;   h_t = lambda h_{t-1} + B x_t;   y_t = Re(C h_t) + D x_t

    Shapes   x (B T D) -> y (B T D);  memory h (B N), complex
    Cost     8 T D N work, log T depth
    Source   Orvieto et al. 2023, arXiv:2303.06349, sec. 3.2: the second rung below LRU   (orvieto2023resurrecting)
    Differs  B and C are kept as pairs of real numbers; nothing keeps lambda in the unit disk, which it fills at first
    """

    recurrent_parameters = ("u", "v", "B")

    def __init__(self, width: int, hidden: int | None = None, r_min: float = 0.0, r_max: float = 1.0,
                 max_phase: float = 2 * math.pi):
        check_counts("LRUDirect", width=width, hidden=hidden)
        N = width if hidden is None else hidden
        super().__init__(width, (N,))
        square, phase = ring("LRUDirect", N, r_min, r_max, max_phase)
        self.u, self.v = (nn.Parameter(square.sqrt() * turned) for turned in (phase.cos(), phase.sin()))
        self.start_maps(width, N)

    def project(self, x):
        b = self.enter(x, self.B)
        return torch.complex(wide(self.u), wide(self.v)).expand(b.shape), b
