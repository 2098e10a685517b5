import math

import torch
from torch import nn
from torch.nn.functional import layer_norm, normalize

from reprise.bases.matrix_memory import MatrixMemory
from reprise.bases.recurrent import State
from reprise.core.errors import check_counts
from reprise.layers._between import between
from reprise.layers.convolution.token_shift import TokenShift
from reprise.layers.memory.rwkv._start import ahead, ramp, speeds
from reprise.ops.delta_rule import Correction

__all__ = ["RWKV7"]


class RWKV7(MatrixMemory):
    """RWKV-7 time mixing: every channel forgets at its own rate, and old values are replaced, not only added to.

        r, d, k, v, a, g each from x_t + mu (x_{t-1} - x_t);   w = exp(-exp(-1/2) sigmoid(d));   a <- sigmoid(a)
        c = xi k / |xi k|;   k~ = k (1 + alpha (a - 1))
        S_t = (diag(w) - (a c) c') S_{t-1} + k~ v';   y_t = O (g (norm_h(S_t' r) + (r . rho k~) v))
        above others in a stack:   v <- v + sigmoid(b + F E x_v) (the v of the lowest RWKV-7 - v)

    Shapes   x (B T D) -> y (B T D);  memory S (B H K V), K = V = D / H, local: x_{t-1} (B 1 D)
    Cost     8 T D^2 + 16 T D R + 2 T D C K work, T / C depth
    Source   Peng et al. 2025, arXiv:2503.14456, sec. 4.1; begun as BlinkDL/RWKV-LM, v7   (peng2025rwkv7)
    Differs  no rank R above the width; only a stack starts it with zero matrices, as the official code does, for alone
        its output would be zero; the lowest RWKV-7 of a hybrid has a gate b, E, F if other layers are below it, but
        nothing to mix in; at head size 1 nothing of the memory is read, since a layer norm over one number is zero
    """

    undecayed_parameters = ("mu", "rho", "norm_scale", "norm_shift")

    def __init__(self, width: int, heads: int | None = None, rank: int | None = None, gate_rank: int | None = None,
                 value_rank: int | None = None):
        check_counts("RWKV7", rank=rank, gate_rank=gate_rank, value_rank=value_rank)
        super().__init__(width, heads)
        by_head = self.memory_shape[:2]
        rank = usual_rank(width, 2.5) if rank is None else rank
        gate_rank = usual_rank(width, 5.0) if gate_rank is None else gate_rank
        self.value_rank = usual_rank(width, 1.7) if value_rank is None else value_rank
        self.local = TokenShift(width)
        self.mu = nn.Parameter(torch.empty(6, width))  # of r, d, k, v, a, g
        self.receptance, self.key, self.value, self.out = (nn.Linear(width, width, bias=False) for _ in range(4))
        self.decay, self.rate = low_rank(width, rank, nn.Tanh()), low_rank(width, rank, nn.Identity())
        self.gate = low_rank(width, gate_rank, nn.Sigmoid(), bias=False)
        self.share: nn.Sequential | None = None  # of the lowest layer's values, in layers above it
        self.xi, self.alpha = nn.Parameter(torch.empty(width)), nn.Parameter(torch.full((width,), 1.02))
        self.rho = nn.Parameter(torch.full(by_head, -0.04))
        self.norm_scale, self.norm_shift = nn.Parameter(torch.ones(by_head)), nn.Parameter(torch.zeros(by_head))
        self._start()
        self._start_at(0, 1)

    def placed(self, index, depth):
        self._start_at(index, depth)
        low = [self.decay, self.rate, self.gate]
        if index:
            self.share = low_rank(self.width, self.value_rank, nn.Identity()).to(self.mu)
            self.share[-1].bias.data.copy_(0.73 - 0.4 * self._across())
            low.append(self.share)
        for linear in (self.out, *(down for down, _, _ in low)):
            nn.init.zeros_(linear.weight)

    def run_beside(self, x, state, marks, beside):
        seen, local = self.look_back(x, state, marks)
        p, lowest = self.project(*seen), beside.get("rwkv7.value")
        if lowest is None:
            beside = beside | {"rwkv7.value": p.v.flatten(2)}
        elif self.share is not None:
            share = torch.sigmoid(self.share(between(*seen, self.mu[3])))
            p = p._replace(v=between(p.v, self.by_head(lowest), self.by_head(share)))
        y, state = self.carry_on(p, seen, State(local, state.memory), marks)
        return y, state, beside

    def project(self, x, u):
        xr, xd, xk, xv, xa = (between(x, u, mu) for mu in self.mu[:5])
        r, k, v, a = self.receptance(xr), self.key(xk), self.value(xv), torch.sigmoid(self.rate(xa))
        log_w = -math.exp(-0.5) * torch.sigmoid(self.decay(xd))
        r, k, c, v, a, log_w = map(self.by_head, (r, k * (1 + self.alpha * (a - 1)), k * self.xi, v, a, log_w))
        c = normalize(c, dim=-1, eps=max(1e-12, torch.finfo(c.dtype).tiny))  # 1e-12 is zero in float16
        return Correction(r, k, v, log_w, -a * c, c)

    def recur(self, p, memory, marks):
        read, memory = super().recur(p, memory, marks)
        return (read, (p.q * self.rho * p.k).sum(-1, keepdim=True) * p.v), memory

    def readout(self, read, x, u):
        old, own = read
        old = layer_norm(old, old.shape[-1:], eps=64e-5) * self.norm_scale + self.norm_shift
        return self.out(self.gate(between(x, u, self.mu[5])) * (old + own).flatten(2))

    @torch.no_grad()
    def _start(self) -> None:
        """What is the same in every layer of a stack."""
        for linear, scale in ((self.receptance, 0.5), (self.key, 0.05), (self.value, 0.5)):
            nn.init.uniform_(linear.weight, -scale * self.width**-0.5, scale * self.width**-0.5)
        self.xi.copy_(0.71 - 0.1 * self._across())
        self.rate[-1].bias.copy_(-0.19 + 0.3 * self._across_heads() + 0.4 * self._across())

    @torch.no_grad()
    def _start_at(self, index: int, depth: int) -> None:
        """What is not: deeper layers look less at the step before, and hold on to more channels for longer."""
        above, below = ahead(index, depth)
        exponents = above * torch.tensor([0.2, 0.9, 0.7, 0.7, 0.9, 0.2])[:, None]
        self.mu.copy_(1 - ramp(self.width) ** exponents)
        slow_to_fast = speeds(self.width, -5.5, 6, 1 + below**0.3)
        self.decay[-1].bias.copy_(slow_to_fast + 2.5 * self._across_heads())
        self.norm_scale.fill_(((1 + index) / depth) ** 0.7)

    def _across(self) -> torch.Tensor:
        """From -1/2 to 1/2 over all channels."""
        return torch.linspace(-0.5, 0.5, self.width)

    def _across_heads(self) -> torch.Tensor:
        """From -1 to 1 over the channels of each head, flat in the middle."""
        H, K, _ = self.memory_shape
        z = torch.linspace(-1, 1, K)
        return (z * z.abs()).repeat(H)


def usual_rank(width: int, scale: float) -> int:
    """The official suggestion: a multiple of 32 near scale sqrt(D)."""
    return min(width, max(32, 32 * round(scale * width**0.5 / 32)))


def low_rank(width: int, rank: int, squash: nn.Module, bias: bool = True) -> nn.Sequential:
    up = nn.Linear(rank, width, bias)
    nn.init.orthogonal_(up.weight, 0.1 * max(1, rank / width) ** 0.5)
    return nn.Sequential(nn.Linear(width, rank, bias=False), squash, up)
