import math

import torch
from torch import nn
from torch.nn.functional import linear

from reprise.bases.linear_recurrence import LinearRecurrence
from reprise.bases.timed import Timed
from reprise.core.errors import InputError, check_counts
from reprise.layers.linear._wide import wide
from reprise.layers.linear.state_space._diagonal import STEPS, check_steps, log_uniform
from reprise.layers.linear.state_space._hippo import normal_eigenvectors
from reprise.layers.rates import Decaying

__all__ = ["S5"]


class S5(Decaying, LinearRecurrence, Timed):
    """S5: one diagonal state space for all features, started in the eigenvectors of HiPPO.

        a = -exp(r) + i w;   h_t = exp(dt a) h_{t-1} + (exp(dt a) - 1) / a B x_t;   y_t = 2 Re(C h_t) + D x_t

    Shapes   x (B T D) -> y (B T D);  memory h (B N/2), complex: of each conjugate pair, one
    Cost     4 T D N work, log T depth
    Source   Smith et al. 2023, arXiv:2208.04933, sec. 3, 4.3, app. B; lindermanlab/S5, ssm.py   (smith2023s5)
    Differs  the real part is -exp(r), or as `rate` says (layers/rates.py), where that code trains it as it is, or clips
             it; GELU and gate are the stack's. Told how much time is between steps, it decays by that time, and takes
             in an input as in a step of length one: an event is no input that was held since the one before
    """

    memory_precision = torch.complex64
    recurrent_parameters = ("r", "w", "log_dt", "B")
    rate_parameter = "r"

    def __init__(
        self, width: int, states: int | None = None, blocks: int = 1, step: str = "zoh", dt_min: float = 0.001,
        dt_max: float = 0.1, rate: str = "exp",
    ):
        check_counts("S5", width=width, states=states, blocks=blocks)
        N = 2 * blocks * math.ceil(width / (2 * blocks)) if states is None else states
        if N % (2 * blocks):
            near = 2 * blocks * math.ceil(N / (2 * blocks))
            raise InputError(f"S5: states={N} are no pairs in each of blocks={blocks}; try states={near}")
        check_steps("S5", step, dt_min, dt_max)
        super().__init__(width, (N // 2,))
        self.step_rule = STEPS[step]
        w, V = normal_eigenvectors(N // blocks)
        half = slice(N // blocks // 2, None)  # the pairs' turning forwards
        w, V = w[half].float(), V[:, half].to(torch.complex64)
        self.start_rates(torch.full((N // 2,), 0.5), rate)
        self.w = nn.Parameter(w.repeat(blocks))
        self.log_dt = nn.Parameter(log_uniform(dt_min, dt_max, N // 2))
        B = nn.init.trunc_normal_(torch.empty(blocks, N // blocks, width)) / math.sqrt(N)
        C = torch.view_as_complex(torch.randn(width, blocks, N // blocks, 2) / math.sqrt(N))
        self.B = nn.Parameter(torch.view_as_real(V.mH @ B.to(V.dtype)).flatten(0, 1).transpose(1, 2).contiguous())
        self.C = nn.Parameter(torch.view_as_real(C @ V).flatten(1, 2))
        self.D = nn.Parameter(torch.randn(width))

    def project(self, x):
        decay, gain = self.step_rule(self.rates(), wide(self.w), wide(self.log_dt).exp())
        b = gain * torch.view_as_complex(wide(linear(x, self.B.flatten(0, 1))).unflatten(-1, (-1, 2)))
        return decay.expand(b.shape), b

    def project_over(self, x, elapsed):
        _, b = self.project(x)
        rate, turn, dt = self.rates(), wide(self.w), wide(self.log_dt).exp() * wide(elapsed)[..., None]
        return self.step_rule(rate, turn, dt)[0], b

    def readout(self, h, x):
        real, imag = self.C.unbind(-1)
        C = 2 * torch.stack([real, -imag], -1).flatten(1)
        return linear(torch.view_as_real(h).flatten(2).to(x.dtype), C) + self.D * x
