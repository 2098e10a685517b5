"""RWKV-4's time mixing up to what is read: in one stream, or in several that share all but how they mix two steps."""
import math

import torch
from torch import nn

from reprise.bases.recurrent import Recurrent
from reprise.layers._between import between
from reprise.layers.convolution.token_shift import TokenShift
from reprise.layers.memory.rwkv._bonus import average_with_bonus, nothing_seen
from reprise.layers.memory.rwkv._start import ahead, orthogonal_, shares, speeds, zigzag

__all__ = ["Averaging"]


class Averaging(Recurrent):
    """What is read is r, and the average of v by k; `streams` stand before the channels, in mu as in the memory."""

    undecayed_parameters = ("mu",)

    def __init__(self, width: int, streams: tuple[int, ...] = ()):
        super().__init__(width, (*streams, width))
        self.local = TokenShift(width)
        self.mu = nn.Parameter(torch.empty(3, *streams, width))  # of r, k, v: the share of x_t
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
        start = shares(self.width, above, below)
        self.mu.copy_(start.unflatten(1, (*[1] * (self.mu.ndim - 2), -1)))
        self.decay.copy_(speeds(self.width, -5, 8, 0.7 + 1.3 * below))

    def initial_memory(self, batch):
        return nothing_seen(super().initial_memory(batch))

    def project(self, x, u):
        xr, xk, xv = (between(u, x, mu) for mu in self.mu)
        return torch.sigmoid(self.receptance(xr)), self.key(xk), self.value(xv)

    def recur(self, p, memory, marks):
        r, k, v = p
        o, memory = average_with_bonus(k, v, (self.decay, self.bonus), memory, marks)
        return (r, o), memory
