import math

import torch
from torch import nn

from reprise.bases.recurrent import Recurrent
from reprise.core.errors import check_counts
from reprise.ops.short_convolution import short_convolution

__all__ = ["FSMN"]


class FSMN(Recurrent):
    """FSMN: a feedforward layer beside which a tapped delay line remembers the last steps.

        h_t = relu(W x_t + b);   m_t = sum_i a_i h_{t-i}, i = 0 .. taps;   y_t = U h_t + V m_t + c

    Shapes   x (B T D) -> y (B T D);  memory: the last `taps` h (B taps H)
    Cost     6 T D H + 2 T H taps work
    Source   Zhang et al. 2015, arXiv:1512.08301, sec. 2.1   (zhang2015fsmn)
    Differs  the vectorised memory that looks back only; no nonlinearity after U and V, which the paper has for them is
             the next layer's
    """

    memory_precision = None  # inputs as they were, never summed up

    def __init__(self, width: int, hidden: int | None = None, taps: int = 20):
        check_counts("FSMN", width=width, hidden=hidden, taps=taps)
        hidden = width if hidden is None else hidden
        super().__init__(width, (taps, hidden))
        self.from_x = nn.Linear(width, hidden)
        self.a = nn.Parameter(torch.empty(taps + 1, hidden).uniform_(-1, 1) / math.sqrt(taps + 1))
        self.from_h = nn.Linear(hidden, width)
        self.from_m = nn.Linear(hidden, width, bias=False)

    def project(self, x):
        return torch.relu(self.from_x(x))

    def recur(self, h, memory, marks):
        m, memory = short_convolution(h, self.a, memory, marks)
        return (h, m), memory

    def readout(self, read, x):
        h, m = read
        return self.from_h(h) + self.from_m(m)
