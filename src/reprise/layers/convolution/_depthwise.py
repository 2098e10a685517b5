"""The short convolution of the inputs as they come."""
import math

import torch
from torch import nn

from reprise.bases.recurrent import Recurrent
from reprise.ops.short_convolution import short_convolution

__all__ = ["Depthwise"]


class Depthwise(Recurrent):
    """y_t = c + sum_j w_j x_{t-j},  j = 0 .. W - 1: `short_convolution` without a projection before it."""

    memory_precision = None  # inputs as they were, never summed up

    def __init__(self, width: int, kernel_size: int):
        super().__init__(width, (kernel_size - 1, width))
        edge = 1 / math.sqrt(kernel_size)
        self.weight = nn.Parameter(torch.empty(kernel_size, width).uniform_(-edge, edge))
        self.bias = nn.Parameter(torch.empty(width).uniform_(-edge, edge))

    def project(self, x):
        return x

    def recur(self, p, memory, marks):
        y, memory = short_convolution(p, self.weight, memory, marks)
        return y + self.bias, memory
