import torch

from reprise.bases.recurrent import Recurrent
from reprise.ops.short_convolution import short_convolution

__all__ = ["TokenShift"]


class TokenShift(Recurrent):
    """Token shift: the input of one step ago, a convolution that sees two steps.

        y_t = x_{t-1}

    Shapes   x (B T D) -> y (B T D);  memory x_{t-1} (B 1 D)
    Cost     T D work
    Source   Peng et al. 2023, arXiv:2305.13048, sec. 3.1   (peng2023rwkv)
    Differs  the mixing of x_t and x_{t-1} is left to the layer that uses it
    """

    memory_precision = None  # an input as it was

    def __init__(self, width: int):
        super().__init__(width, (1, width))
        self.register_buffer("kernel", torch.tensor([[0.0], [1.0]]).repeat(1, width), persistent=False)

    def project(self, x):
        return x

    def recur(self, p, memory, marks):
        return short_convolution(p, self.kernel, memory, marks)
