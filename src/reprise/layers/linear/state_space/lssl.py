import math

import torch
from torch import nn
from torch.nn.functional import gelu

from reprise.bases.recurrent import Recurrent
from reprise.core.errors import InputError, check_counts
from reprise.layers.linear._wide import wide
from reprise.layers.linear.state_space._diagonal import log_uniform
from reprise.layers.linear.state_space._hippo import bilinear, legs
from reprise.ops.invariant_scan import invariant_scan

__all__ = ["LSSL"]


class LSSL(Recurrent):
    """LSSL: a dense state space that starts as HiPPO-LegS, one for every feature at a time scale of its own.

        h_t = (1 - alpha dt A)^-1 ((1 + (1 - alpha) dt A) h_{t-1} + dt B x_t), dt by feature
        y_t = O gelu(C h_t + D x_t), several channels of C and D by feature

    Shapes   x (B T D) -> y (B T D);  memory h (B D N)
    Cost     2 T D N^2 log T + 2 T D^2 M work, M the channels, and D N^3 for the inverses; log T depth;
             it holds B T D N numbers
    Source   Gu et al. 2021, arXiv:2110.13985, sec. 3, 4, 5.1   (gu2021lssl)
    Differs  all features share A and B, which are trained dense, not as products of banded matrices, so nothing keeps
             A stable in training; recurrent mode only, by doubling; the residual and the norm are the stack's
    """

    undecayed_parameters = ("D",)

    def __init__(
        self, width: int, states: int = 32, channels: int = 1, alpha: float = 0.5, dt_min: float = 0.001,
        dt_max: float = 0.1, trained: bool = True,
    ):
        check_counts("LSSL", width=width, states=states, channels=channels)
        if not 0 <= alpha <= 1 or not 0 < dt_min <= dt_max < math.inf:
            raise InputError(f"LSSL: alpha={alpha}, dt_min={dt_min}, dt_max={dt_max} make no steps; give an alpha from "
                             "0 to 1, and 0 < dt_min <= dt_max")
        super().__init__(width, (width, states))
        self.alpha = alpha
        A, B = legs(states)
        start = {"A": A.float(), "B": B.float(), "log_dt": log_uniform(dt_min, dt_max, width)}
        for name, value in start.items():
            setattr(self, name, nn.Parameter(value)) if trained else self.register_buffer(name, value)
        self.recurrent_parameters = tuple(start) if trained else ()
        self.C = nn.Parameter(torch.randn(width, channels, states) / math.sqrt(states))
        self.D = nn.Parameter(torch.randn(width, channels))
        self.out = nn.Linear(width * channels, width)

    def project(self, x):
        A, B = bilinear(wide(self.A), wide(self.B), wide(self.log_dt).exp(), self.alpha)
        return A, B * wide(x)[..., None]

    def recur(self, p, h, marks):
        A, b = p
        return invariant_scan(b, A, h, marks)

    def readout(self, h, x):
        read = torch.einsum("btdn,dmn->btdm", h, self.C) + self.D * x[..., None]
        return self.out(gelu(read).flatten(2))
