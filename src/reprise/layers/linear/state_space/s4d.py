import math

import torch
from torch import nn

from reprise.bases.recurrent import Recurrent
from reprise.core.errors import InputError, check_counts
from reprise.layers.linear._wide import wide
from reprise.layers.linear.state_space._diagonal import STEPS, check_steps, log_uniform
from reprise.layers.rates import Decaying
from reprise.ops.convolution_scan import Filters, convolution_scan

__all__ = ["S4D"]


class S4D(Decaying, Recurrent):
    """S4D: a diagonal state space for every feature, started as HiPPO would have it.

        a = -exp(r) + i w;   h_t = exp(dt a) h_{t-1} + (exp(dt a) - 1) / a x_t;   y_t = 2 Re(C h_t) + D x_t
        lin: w_n = pi n;   inv: w_n = (N / pi) (N / (2 n + 1) - 1);   n = 0 .. N/2 - 1, the other half conjugate

    Shapes   x (B T D) -> y (B T D);  memory h (B D N/2), complex
    Cost     T D (2 C + 4 N) work in chunks of C = 32 steps, log T depth; 8 T D N where sequences are packed
    Source   Gu et al. 2022, arXiv:2206.11893, sec. 3.2, 4, 5; state-spaces/s4, s4d.py   (gu2022s4d)
    Differs  as in that code, B is one and trained as part of C, and the real part is -exp(r), not fixed; the GELU and
             the GLU after it, which alone mix features, are the stack's; convolutions as long as a chunk, without FFT;
             `rate` names other forms than exp(r) (layers/rates.py)
    """

    memory_precision = torch.complex64
    recurrent_parameters = ("r", "w", "log_dt")
    rate_parameter = "r"

    def __init__(
        self, width: int, states: int = 64, start: str = "lin", step: str = "zoh", dt_min: float = 0.001,
        dt_max: float = 0.1, rate: str = "exp",
    ):
        check_counts("S4D", width=width, states=states)
        if states % 2:
            raise InputError(f"S4D: states={states} are no pairs; try states={states + 1}")
        if start not in ("lin", "inv"):
            raise InputError(f"S4D: expected start to be 'lin' or 'inv', got {start!r}")
        check_steps("S4D", step, dt_min, dt_max)
        super().__init__(width, (width, states // 2))
        self.step_rule = STEPS[step]
        n = torch.arange(states / 2)
        w = math.pi * n if start == "lin" else states / math.pi * (states / (2 * n + 1) - 1)
        self.start_rates(torch.full(self.memory_shape, 0.5), rate)
        self.w = nn.Parameter(w.repeat(width, 1))
        self.log_dt = nn.Parameter(log_uniform(dt_min, dt_max, width, 1))
        self.C = nn.Parameter(torch.randn(*self.memory_shape, 2) / math.sqrt(2))
        self.D = nn.Parameter(torch.randn(width))

    def project(self, x):
        decay, gain = self.step_rule(self.rates(), wide(self.w), wide(self.log_dt).exp())
        return x, Filters(decay, gain, torch.view_as_complex(wide(self.C)))

    def recur(self, p, h, marks):
        return convolution_scan(*p, h, marks)

    def readout(self, read, x):
        return read + self.D * x
