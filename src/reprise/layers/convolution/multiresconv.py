import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import gelu, glu

from reprise.bases.recurrent import Recurrent
from reprise.core.errors import InputError, check_counts
from reprise.core.marks import Marks
from reprise.layers._past import delayed, keep

__all__ = ["MultiresConv"]


class MultiresConv(Recurrent):
    """Multiresolution convolution: a wavelet-like tree, one pair of short filters at every dilation.

        a_0 = x;   a_{j+1, t} = sum_k h_k a_{j, t - k 2^j};   b_{j, t} = sum_k g_k a_{j, t - k 2^j},  k = 0 .. K - 1
        m_t = sum_j w_j b_{j, t} + w_J a_{J, t} + w_x x_t,  j = 0 .. J - 1;   y_t = glu(V gelu(m_t) + c)

    Shapes   x (B T D) -> y (B T D);  memory: the last (K - 1) 2^j of every a_j, about `context` in all (B _ D)
    Cost     4 T D^2 + 4 K J T D work
    Source   Shi et al. 2023, arXiv:2305.01638, sec. 3, 4; thjashin/multires-conv   (shi2023multiresconv)
    Differs  read are the newest coefficients of each level (the fading-memory tree); filters start uniformly, which the
             authors' code offers beside wavelets; no dropout and no norm: they belong to the block around it
    """

    memory_precision = None  # what was made of inputs by a few sums

    def __init__(self, width: int, kernel_size: int = 2, context: int = 1024):
        check_counts("MultiresConv", width=width, kernel_size=kernel_size, context=context)
        if kernel_size < 2:
            raise InputError(f"MultiresConv: expected a kernel_size of 2 or more, got {kernel_size}; try kernel_size=2")
        super().__init__(width, ())
        K = kernel_size
        self.levels = max(1, math.ceil(math.log2((context - 1) / (K - 1) + 1)))
        edge, reading_edge = math.sqrt(1 / K), math.sqrt(1 / (self.levels + 2))
        self.low, self.high = (nn.Parameter(torch.empty(K, width).uniform_(-edge, edge)) for _ in range(2))
        reading = torch.empty(self.levels + 2, width).uniform_(-reading_edge, reading_edge)
        self.reading = nn.Parameter(reading)  # of every level, of what is left, and of x itself
        self.mix = nn.Linear(width, 2 * width)

    def initial_memory(self, batch):
        back = len(self.low) - 1
        return tuple(self.low.new_zeros(batch, back * 2**j, self.width) for j in range(self.levels))

    def project(self, x):
        return x

    def recur(self, p, memory, marks):
        a, read, after = p, self.reading[-1] * p, []
        for j, past in enumerate(memory):
            after.append(keep(past, a, marks))
            low, high = self._filtered(a, past, 2**j, marks)
            a, read = low, read + self.reading[j] * high
        return read + self.reading[-2] * a, tuple(after)

    def _filtered(
        self, a: Float[Tensor, "B T D"], past: Float[Tensor, "B W D"], dilation: int, marks: Marks
    ) -> tuple[Float[Tensor, "B T D"], Float[Tensor, "B T D"]]:
        low, high = self.low[0] * a, self.high[0] * a
        for k in range(1, len(self.low)):
            then = delayed(past, a, k * dilation, marks)
            low, high = torch.addcmul(low, self.low[k], then), torch.addcmul(high, self.high[k], then)
        return low, high

    def readout(self, read, x):
        return glu(self.mix(gelu(read)), -1)
