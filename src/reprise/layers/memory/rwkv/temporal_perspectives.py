import math

import torch
from torch import nn

from reprise.bases.recurrent import Recurrent
from reprise.core.errors import check_counts
from reprise.layers.convolution.token_shift import TokenShift
from reprise.layers.memory.rwkv._bonus import average_with_bonus, nothing_seen
from reprise.layers.memory.rwkv._start import ahead, orthogonal_, shares, speeds, zigzag

__all__ = ["TemporalPerspectives"]

APART = 0.01  # how far mixing vectors start from each other: as copies, all would learn the same


class TemporalPerspectives(Recurrent):
    """Temporal perspectives: one RWKV-4 run several times at once, each mixing the present and the past in its own way.

        z^p = rwkv4(x) with mu^p, p = 1 .. P, all else shared;   pi = softmax(W mean_p z^p);   y_t = sum_p pi_p z^p

    Shapes   x (B T D) -> y (B T D);  memory numerator, denominator, maximum (B P D), local: x_{t-1} (B 1 D)
    Cost     4 P T D^2 work, log T depth
    Source   Dumitru et al. 2024, arXiv:2402.02625, sec. 3; RazvanDu/TemporalRNNs   (dumitru2024enhancing)
    Differs  the paper keeps the streams apart through a whole pretrained model, channel mixing too, and combines their
        logits at its end; a layer combines them at its own. Mixing vectors start 0.01 apart, not as copies
    """

    undecayed_parameters = ("mu",)

    def __init__(self, width: int, perspectives: int = 4):
        check_counts("TemporalPerspectives", width=width, perspectives=perspectives)
        super().__init__(width, (perspectives, width))
        self.local = TokenShift(width)
        self.mu = nn.Parameter(torch.empty(3, perspectives, width))  # of r, k, v: the share of x_t
        self.receptance, self.key, self.value, self.out = (nn.Linear(width, width, bias=False) for _ in range(4))
        self.decay, self.bonus = nn.Parameter(torch.empty(width)), nn.Parameter(math.log(0.3) + 0.5 * zigzag(width))
        self.choice = nn.Linear(width, perspectives, bias=False)
        nn.init.normal_(self.choice.weight, std=0.01)
        orthogonal_(self.value)
        self._start_at(0, 1)

    def placed(self, index, depth):
        self._start_at(index, depth)
        for linear in (self.receptance, self.key, self.out):
            nn.init.zeros_(linear.weight)

    @torch.no_grad()
    def _start_at(self, index: int, depth: int) -> None:
        above, below = ahead(index, depth)
        self.mu.copy_(shares(self.width, above, below)[:, None] + APART * torch.randn_like(self.mu))
        self.decay.copy_(speeds(self.width, -5, 8, 0.7 + 1.3 * below))

    def initial_memory(self, batch):
        return nothing_seen(super().initial_memory(batch))

    def project(self, x, u):
        xr, xk, xv = (torch.lerp(u[:, :, None], x[:, :, None], mu) for mu in self.mu)
        return torch.sigmoid(self.receptance(xr)), self.key(xk), self.value(xv)

    def recur(self, p, memory, marks):
        r, k, v = p
        o, memory = average_with_bonus(k, v, (self.decay, self.bonus), memory, marks)
        return (r, o), memory

    def readout(self, read, x, u):
        r, o = read
        z = self.out(r * o)
        return (torch.softmax(self.choice(z.mean(2)), -1)[..., None, :] @ z)[..., 0, :]
