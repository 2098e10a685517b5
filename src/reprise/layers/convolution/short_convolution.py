import math

import torch
from torch import nn

from reprise.bases.recurrent import Recurrent
from reprise.core.errors import check_counts
from reprise.ops.short_convolution import short_convolution

__all__ = ["ShortConvolution"]


class ShortConvolution(Recurrent):
    """A causal depthwise convolution over projected inputs: the local half of many recurrent layers.

        u_t = V x_t;   y_t = c + sum_j w_j u_{t-j},  j = 0 .. W - 1

    Shapes   x (B T D) -> y (B T D), or `hidden` wide;  memory: the last W - 1 u (B W-1 D)
    Cost     2 T D^2 + 2 W T D work
    Source   Gu & Dao 2023, arXiv:2312.00752, fig. 3   (gu2023mamba)
    Differs  the projection is part of it, since the tail is kept in the projected space
    """

    memory_precision = None  # inputs as they were, never summed up

    def __init__(
        self, width: int, hidden: int | None = None, kernel_size: int = 4, bias: bool = True, input_bias: bool = False
    ):
        check_counts("ShortConvolution", width=width, hidden=hidden, kernel_size=kernel_size)
        hidden = width if hidden is None else hidden
        super().__init__(width, (kernel_size - 1, hidden))
        edge = 1 / math.sqrt(kernel_size)
        self.from_x = nn.Linear(width, hidden, bias=input_bias)
        self.weight = nn.Parameter(torch.empty(kernel_size, hidden).uniform_(-edge, edge))
        self.bias = nn.Parameter(torch.empty(hidden).uniform_(-edge, edge)) if bias else None

    def project(self, x):
        return self.from_x(x)

    def recur(self, p, memory, marks):
        y, memory = short_convolution(p, self.weight, memory, marks)
        return y if self.bias is None else y + self.bias, memory
