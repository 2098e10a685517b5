import math

import torch
from torch import nn
from torch.nn.functional import linear

from reprise.bases.linear_recurrence import LinearRecurrence
from reprise.core.errors import InputError, check_counts
from reprise.layers.linear._wide import wide
from reprise.layers.rates import Decaying

__all__ = ["LRU"]


class LRU(Decaying, LinearRecurrence):
    """LRU: a stable complex diagonal recurrence between two matrices.

        lambda = exp(-exp(nu) + i exp(theta));   h_t = lambda h_{t-1} + exp(gamma) B x_t;   y_t = Re(C h_t) + D x_t

    Shapes   x (B T D) -> y (B T D);  memory h (B N), complex
    Cost     8 T D N work, log T depth
    Source   Orvieto et al. 2023, arXiv:2303.06349, sec. 3, app. A   (orvieto2023resurrecting)
    Differs  B and C are kept as pairs of real numbers, so that the layer casts like any other; the GLU around the
             paper's layer is the stack's; `rate` names other forms than exp(nu) (layers/rates.py)
    """

    memory_precision = torch.complex64
    recurrent_parameters = ("nu", "theta", "gamma", "B")
    rate_parameter = "nu"

    def __init__(
        self, width: int, hidden: int | None = None, r_min: float = 0.0, r_max: float = 1.0,
        max_phase: float = 2 * math.pi, rate: str = "exp",
    ):
        if not 0 <= r_min < r_max <= 1 or not 0 < max_phase < math.inf:
            raise InputError(f"LRU: r_min={r_min}, r_max={r_max}, max_phase={max_phase} is no ring; "
                             "give 0 <= r_min < r_max <= 1 and a max_phase above 0")
        check_counts("LRU", width=width, hidden=hidden)
        N = width if hidden is None else hidden
        super().__init__(width, (N,))
        area, turn = torch.empty(2, N).uniform_(1e-6, 1 - 1e-6)  # the ends would be log 0
        square = r_min**2 + area * (r_max**2 - r_min**2)
        self.start_rates(-0.5 * square.log(), rate)
        self.theta = nn.Parameter((max_phase * turn).log())
        self.gamma = nn.Parameter(0.5 * torch.log1p(-square))
        self.B = nn.Parameter(torch.randn(N, 2, width) / math.sqrt(2 * width))
        self.C = nn.Parameter(torch.randn(width, N, 2) / math.sqrt(N))
        self.D = nn.Parameter(torch.randn(width))

    def project(self, x):
        theta, gamma = (wide(p).exp() for p in (self.theta, self.gamma))
        B = (gamma[:, None, None] * self.B).to(x.dtype).flatten(0, 1)
        b = torch.view_as_complex(wide(linear(x, B)).unflatten(-1, (-1, 2)))
        return torch.polar(torch.exp(-self.rates()), theta).expand(b.shape), b

    def readout(self, h, x):
        real, imag = self.C.unbind(-1)
        C = torch.stack([real, -imag], -1).flatten(1)
        return linear(torch.view_as_real(h).flatten(2).to(x.dtype), C) + self.D * x
