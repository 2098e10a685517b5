import math

import torch
from torch import nn
from torch.nn.functional import layer_norm

from reprise.bases.linear_recurrence import LinearRecurrence
from reprise.core.errors import check_counts
from reprise.layers.linear._wide import wide
from reprise.layers.rates import Decaying

__all__ = ["FFM"]


class FFM(Decaying, LinearRecurrence):
    """FFM, fast and forgetful memory: sums of the past that fade and turn, at every pair of a rate and a frequency.

        v_t = (W x_t + b) sigmoid(G x_t + c);   S_t[j, k] = exp(-r_j + i w_k) S_{t-1}[j, k] + v_t[j]
        g = sigmoid(P x_t + d);   y_t = norm(M [Re S_t, Im S_t] + e) g + (Q x_t + f) (1 - g)

    Shapes   x (B T D) -> y (B T D);  memory S (B M C), complex
    Cost     4 T D (M + D + M C) + 8 T M C work, log T depth
    Source   Morad et al. 2023, arXiv:2310.04128, sec. 3; proroklab/ffm, standalone   (morad2023ffm)
    Differs  r is learned as its logarithm, or as `rate` says (layers/rates.py), where that code clamps it into
             (0, log(largest float64) / 1024): a scan does not overflow; at width 1 nothing of the memory is read,
             since a layer norm over one number is zero
    """

    memory_precision = torch.complex64
    recurrent_parameters = ("r", "w")
    rate_parameter = "r"

    def __init__(
        self, width: int, traces: int = 32, contexts: int = 4, longest: int = 1024, rate: str = "exp"
    ):
        check_counts("FFM", width=width, traces=traces, contexts=contexts, longest=longest)
        super().__init__(width, (traces, contexts))
        fastest = math.log(torch.finfo(torch.float64).max) / 1024 - 0.02  # the bound of the authors' code
        self.start_rates(torch.linspace(fastest, min(fastest, math.log(100) / longest), traces), rate)
        self.w = nn.Parameter(2 * math.pi / torch.linspace(1, longest, contexts))
        self.value, self.gate_in = nn.Linear(width, traces), nn.Linear(width, traces)
        self.gate_out, self.through = nn.Linear(width, width), nn.Linear(width, width)
        self.mix = nn.Linear(2 * traces * contexts, width)

    def project(self, x):
        v = wide(self.value(x) * torch.sigmoid(self.gate_in(x)))[..., None]
        b = torch.complex(v, v.new_zeros(v.shape)).expand(*x.shape[:2], *self.memory_shape)
        turn = wide(self.w).expand(self.memory_shape)
        return torch.polar(torch.exp(-self.rates())[:, None].expand_as(turn), turn).expand(b.shape), b

    def readout(self, S, x):
        z = self.mix(torch.view_as_real(S).flatten(2).to(x.dtype))
        g = torch.sigmoid(self.gate_out(x))
        return layer_norm(z, z.shape[-1:]) * g + self.through(x) * (1 - g)
