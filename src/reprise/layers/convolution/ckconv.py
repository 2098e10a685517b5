import math
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from reprise.bases.recurrent import Recurrent
from reprise.core.errors import InputError, check_counts
from reprise.ops.long_convolution import long_convolution

__all__ = ["CKConv"]


class CKConv(Recurrent):
    """CKConv: a long convolution whose kernel is a small network of position, so that it has any resolution.

        y_t = b + sum_j K(p_j) x_{t-j},  j = 0 .. W - 1;   p_j from 1 to -1 in W equal steps
        K(p) = W3 sin(s (W2 sin(s (W1 p + b1)) + b2)) + b3, a matrix (D D);   rows of W2 and W3 have gains

    Shapes   x (B T D) -> y (B T D);  memory: the last W - 1 inputs (B W-1 D), W the `context`
    Cost     T D (8 D + 10 log W) work, and 2 W F D^2 for the kernel, F the width of its network; a step alone: 2 W D^2
    Source   Romero et al. 2022, arXiv:2102.02611, sec. 4; dwromero/ckconv   (romero2022ckconv)
    Differs  the kernel ends after `context` steps, where the paper's is as long as the input, and so must be known; W3
             and b3 start so that white noise keeps its variance; rows of W1, single numbers, need no gains; no dropout;
             at higher rates the kernel is not smoothed besides, as it is in the authors' code
    """

    excused: ClassVar = {"output_sees_its_row_and_past_only":
                         "what a Fourier transform rounds off reaches every step of its block: some 1e-16 of an output"}

    def __init__(self, width: int, context: int = 128, kernel_hidden: int = 32, frequency: float = 30.0):
        check_counts("CKConv", width=width, context=context, kernel_hidden=kernel_hidden)
        if not 0 < frequency < math.inf:
            raise InputError(f"CKConv: expected a frequency above 0, got {frequency}; the paper's are from 1 to 100")
        super().__init__(width, (context - 1, width))
        self.context, self.frequency, F = context, frequency, kernel_hidden
        self.into = nn.Parameter(torch.empty(F, 1).uniform_(-1, 1))
        edges = math.sqrt(6 / F) / frequency, math.sqrt(6 / F)
        self.directions = nn.ParameterList(
            torch.empty(size, F).uniform_(-edge, edge) for size, edge in zip((F, width**2), edges, strict=True))
        self.gains = nn.ParameterList(d.detach().norm(dim=1, keepdim=True) for d in self.directions)
        self.gains[1].data /= math.sqrt(context * width)
        self.biases = nn.ParameterList(torch.empty(F).uniform_(-1, 1) for _ in range(2))
        self.biases.append(torch.zeros(width**2))
        self.bias = nn.Parameter(torch.zeros(width))

    def kernel(self, rate: float = 1.0) -> Float[Tensor, "W D D"]:
        """The kernel of inputs sampled `rate` times as often: as many times more taps, each worth as much less.

        Raises InputError for a rate that is not above 0, or not finite.
        """
        if not 0 < rate < math.inf:
            raise InputError(f"CKConv: expected a rate above 0, got {rate}; 2.0 is for inputs sampled twice as often")
        W = max(1, round(self.context * rate))
        precision = torch.promote_types(self.bias.dtype, torch.float32)  # an angle in bfloat16 is none
        lag = torch.arange(W, dtype=precision, device=self.bias.device)
        z = (1 - 2 * lag / (max(self.context - 1, 1) * rate))[:, None]
        weights = [self.into, *(gain * d / d.norm(dim=1, keepdim=True)
                                for gain, d in zip(self.gains, self.directions, strict=True))]
        first, second, last = ((weight.to(precision), bias.to(precision))
                               for weight, bias in zip(weights, self.biases, strict=True))
        for weight, bias in (first, second):
            z = torch.sin(self.frequency * (z @ weight.T + bias))
        z = z @ last[0].T + last[1]
        return z.unflatten(1, (self.width, self.width)) / rate

    def at_rate(self, x: Float[Tensor, "B T D"], rate: float) -> Float[Tensor, "B T D"]:
        """Outputs for whole sequences that were sampled `rate` times as often as those the layer learned from.

        Raises InputError for x or a rate that does not fit.
        """
        self._check(x, None)
        kernel = self.kernel(rate)
        tail = kernel.new_zeros(len(x), len(kernel) - 1, self.width)
        return long_convolution(x, kernel, tail)[0].to(x.dtype) + self.bias

    def project(self, x):
        return x

    def recur(self, p, memory, marks):
        return long_convolution(p, self.kernel(), memory, marks)

    def readout(self, read, x):
        return read + self.bias
