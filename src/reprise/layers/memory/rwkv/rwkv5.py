import torch
from torch import nn
from torch.nn.functional import layer_norm, silu

from reprise.bases.matrix_memory import MatrixMemory
from reprise.layers._between import between
from reprise.layers.convolution.token_shift import TokenShift
from reprise.layers.memory.rwkv._bonus import read_with_bonus
from reprise.layers.memory.rwkv._start import ahead, orthogonal_, shares, speeds, zigzag
from reprise.ops.linear_attention import Association

__all__ = ["RWKV5"]


class RWKV5(MatrixMemory):
    """RWKV-5 (Eagle) time mixing: a matrix for every head, of which each row fades at a rate of its own.

        r, k, v, g = W (mu x_t + (1 - mu) x_{t-1}), each with a W and a mu of its own;   w = exp(-exp(d))
        o_t = (S_{t-1} + (u k) v')' r;   S_t = diag(w) S_{t-1} + k v';   y_t = O (norm_h(o_t) silu(g))

    Shapes   x (B T D) -> y (B T D);  memory S (B H K V), K = V = D / H, local: x_{t-1} (B 1 D)
    Cost     10 T D^2 + 4 T D (C + K) work, T / C depth
    Source   Peng et al. 2024, arXiv:2404.05892, sec. 4.1; begun as BlinkDL/RWKV-LM, v5, x052   (peng2024eagle)
    Differs  only a stack starts it with a zero matrix O, as the official code does, for alone its output would be zero;
        at head size 1 nothing of the memory is read, since a layer norm over one number is zero
    """

    undecayed_parameters = ("mu", "decay", "bonus", "norm_scale", "norm_shift")

    def __init__(self, width: int, heads: int | None = None):
        super().__init__(width, heads)
        by_head = self.memory_shape[:2]
        self.local = TokenShift(width)
        self.mu = nn.Parameter(torch.empty(4, width))  # of r, k, v, g: the share of x_t
        self.receptance, self.key, self.value, self.gate, self.out = (
            nn.Linear(width, width, bias=False) for _ in range(5))
        self.decay, self.bonus = nn.Parameter(torch.empty(by_head)), nn.Parameter(torch.empty(by_head))
        self.norm_scale, self.norm_shift = nn.Parameter(torch.empty(by_head)), nn.Parameter(torch.zeros(by_head))
        orthogonal_(self.receptance, self.value)
        orthogonal_(self.key, self.gate, gain=0.1)
        self._start_at(0, 1)

    def placed(self, index, depth):
        self._start_at(index, depth)
        nn.init.zeros_(self.out.weight)

    @torch.no_grad()
    def _start_at(self, index: int, depth: int) -> None:
        above, below = ahead(index, depth)
        self.mu.copy_(shares(self.width, above, below)[[0, 1, 2, 0]])
        self.decay.copy_(speeds(self.width, -6, 5, 0.7 + 1.3 * below).view_as(self.decay))
        bonus = below * torch.linspace(1, 0, self.width) + 0.1 * zigzag(self.width)
        self.bonus.copy_(bonus.view_as(self.bonus))
        self.norm_scale.fill_(((1 + index) / depth) ** 0.7)

    def project(self, x, u):
        xr, xk, xv = (between(u, x, mu) for mu in self.mu[:3])
        return tuple(map(self.by_head, (self.receptance(xr), self.key(xk), self.value(xv))))

    def recur(self, p, memory, marks):
        r, k, v = p
        log_w = -self.decay.to(memory.dtype).exp().expand_as(k)
        return read_with_bonus(Association(r, k, v, log_w), self.bonus, memory, marks)

    def readout(self, o, x, u):
        o = layer_norm(o, o.shape[-1:], eps=64e-5) * self.norm_scale + self.norm_shift
        return self.out(o.flatten(2) * silu(self.gate(between(u, x, self.mu[3]))))
