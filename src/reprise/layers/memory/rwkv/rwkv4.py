import math

import torch
from torch import nn

from reprise.bases.recurrent import Recurrent
from reprise.layers.convolution.token_shift import TokenShift
from reprise.layers.memory.rwkv._bonus import average_with_bonus, nothing_seen
from reprise.layers.memory.rwkv._start import ahead, orthogonal_, shares, speeds, zigzag

__all__ = ["RWKV4"]


class RWKV4(Recurrent):
    """RWKV-4 time mixing: in every channel an average of all values, by their keys and by how long ago they were.

        r, k, v = W (mu x_t + (1 - mu) x_{t-1}), each with a W and a mu of its own;   w = exp(d)
        o_t = (sum_{i<t} e^{-(t-1-i) w + k_i} v_i + e^{u + k_t} v_t) / (sum_{i<t} e^{-(t-1-i) w + k_i} + e^{u + k_t})
        y_t = O (sigmoid(r) o_t)

    Shapes   x (B T D) -> y (B T D);  memory numerator, denominator, maximum (B D), local: x_{t-1} (B 1 D)
    Cost     4 T D^2 work, log T depth
    Source   Peng et al. 2023, arXiv:2305.13048, sec. 3.1, app. D; begun as BlinkDL/RWKV-LM, v4neo   (peng2023rwkv)
    Differs  only a stack starts it with zero matrices W of r and k, and O, as the official code does, for alone its
        output would be zero; the maximum begins at -inf, not at a large negative number
    """

    undecayed_parameters = ("mu",)

    def __init__(self, width: int):
        super().__init__(width, (width,))
        self.local = TokenShift(width)
        self.mu = nn.Parameter(torch.empty(3, width))  # of r, k, v: the share of x_t
        self.receptance, self.key, self.value, self.out = (nn.Linear(width, width, bias=False) for _ in range(4))
        self.decay, self.bonus = nn.Parameter(torch.empty(width)), nn.Parameter(math.log(0.3) + 0.5 * zigzag(width))
        orthogonal_(self.value)
        self._start_at(0, 1)

    def placed(self, index, depth):
        self._start_at(index, depth)
        for linear in (self.receptance, self.key, self.out):
            nn.init.zeros_(linear.weight)

    @torch.no_grad()
    def _start_at(self, index: int, depth: int) -> None:
        above, below = ahead(index, depth)
        self.mu.copy_(shares(self.width, above, below))
        self.decay.copy_(speeds(self.width, -5, 8, 0.7 + 1.3 * below))

    def initial_memory(self, batch):
        return nothing_seen(super().initial_memory(batch))

    def project(self, x, u):
        xr, xk, xv = (torch.lerp(u, x, mu) for mu in self.mu)
        return torch.sigmoid(self.receptance(xr)), self.key(xk), self.value(xv)

    def recur(self, p, memory, marks):
        r, k, v = p
        o, memory = average_with_bonus(k, v, (self.decay, self.bonus), memory, marks)
        return (r, o), memory

    def readout(self, read, x, u):
        r, o = read
        return self.out(r * o)
