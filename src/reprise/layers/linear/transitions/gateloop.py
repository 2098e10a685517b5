import math

import torch
from torch import nn
from torch.nn.functional import silu

from reprise.bases.linear_recurrence import LinearRecurrence
from reprise.core.errors import check_counts
from reprise.layers.linear._wide import wide

__all__ = ["GateLoop"]


class GateLoop(LinearRecurrence):
    """GateLoop: the input says how much each complex memory keeps and how far it turns.

        a_t = sigmoid(A x_t + c) exp(i (P x_t + d));   h_t = a_t h_{t-1} + (K x_t) (V x_t)
        y_t = O (Re(h_t) (Q x_t) silu(G x_t))

    Shapes   x (B T D) -> y (B T D);  memory h (B N), complex
    Cost     14 T D N work, log T depth
    Source   Katsch 2023, arXiv:2311.01927, sec. 3, with as many heads as channels   (katsch2023gateloop)
    Differs  no norm of heads, which here are single numbers; c starts where sigmoid(c) spans 0.5 to 0.999, of which
             the paper says nothing
    """

    memory_precision = torch.complex64

    def __init__(self, width: int, hidden: int | None = None):
        check_counts("GateLoop", width=width, hidden=hidden)
        N = width if hidden is None else hidden
        super().__init__(width, (N,))
        self.keep, self.turn = nn.Linear(width, N), nn.Linear(width, N)
        self.query, self.key, self.value, self.gate = (nn.Linear(width, N, bias=False) for _ in range(4))
        self.out = nn.Linear(N, width, bias=False)
        self.keep.bias.data = torch.linspace(0, math.log(999), N)

    def project(self, x):
        size, phase = torch.sigmoid(wide(self.keep(x))), wide(self.turn(x))
        b = wide(self.key(x)) * wide(self.value(x))
        return torch.complex(size * phase.cos(), size * phase.sin()), torch.complex(b, b.new_zeros(()).expand_as(b))

    def readout(self, h, x):
        return self.out(h.real.to(x.dtype) * self.query(x) * silu(self.gate(x)))
