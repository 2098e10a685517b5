import torch
from torch import nn
from torch.nn.functional import layer_norm, silu

from reprise.bases.matrix_memory import MatrixMemory
from reprise.core.errors import check_counts
from reprise.layers._between import between
from reprise.layers.convolution.token_shift import TokenShift
from reprise.layers.linear._wide import wide
from reprise.layers.memory.rwkv._bonus import read_with_bonus
from reprise.layers.memory.rwkv._start import ahead, orthogonal_, shares, speeds, zigzag
from reprise.ops.linear_attention import Association

__all__ = ["RWKV6"]


class RWKV6(MatrixMemory):
    """RWKV-6 (Finch) time mixing: the input decides how fast each row fades, and how much of the step before it sees.

        x' = x_t + mu (x_{t-1} - x_t);   x_z = x_t + (mu_z + B_z tanh(A_z x')) (x_{t-1} - x_t),  z of d, k, v, r, g
        r, k, v, g = W_z x_z;   w_t = exp(-exp(d + F tanh(E x_d)))
        o_t = (S_{t-1} + (u k) v')' r;   S_t = diag(w_t) S_{t-1} + k v';   y_t = O (norm_h(o_t) silu(g))

    Shapes   x (B T D) -> y (B T D);  memory S (B H K V), K = V = D / H, local: x_{t-1} (B 1 D)
    Cost     10 T D^2 + T D (20 R + 4 decay_rank) + 4 T D (C + K) work, R = mix_rank, T / C depth
    Source   Peng et al. 2024, arXiv:2404.05892, sec. 4.2; begun as BlinkDL/RWKV-LM, v5, x060   (peng2024eagle)
    Differs  no rank above the width; only a stack starts it with zero matrices A, E and O, as the official code does;
        at head size 1 nothing of the memory is read, since a layer norm over one number is zero
    """

    undecayed_parameters = ("mu", "bonus", "norm_scale", "norm_shift")

    def __init__(self, width: int, heads: int | None = None, mix_rank: int | None = None,
                 decay_rank: int | None = None):
        check_counts("RWKV6", mix_rank=mix_rank, decay_rank=decay_rank)
        super().__init__(width, heads)
        by_head = self.memory_shape[:2]
        mix_rank = min(width, 32) if mix_rank is None else mix_rank
        decay_rank = min(width, 64) if decay_rank is None else decay_rank
        self.local = TokenShift(width)
        self.mu = nn.Parameter(torch.empty(6, width))  # first of x', then of d, k, v, r, g: the share of x_{t-1}
        self.mix_down = nn.Linear(width, 5 * mix_rank, bias=False)
        self.mix_up = nn.Parameter(torch.empty(5, mix_rank, width).uniform_(-0.01, 0.01))
        self.decay_down, self.decay_up = nn.Linear(width, decay_rank, bias=False), nn.Linear(decay_rank, width)
        nn.init.uniform_(self.decay_up.weight, -0.01, 0.01)
        self.receptance, self.key, self.value, self.gate, self.out = (
            nn.Linear(width, width, bias=False) for _ in range(5))
        self.bonus = nn.Parameter(torch.empty(by_head))
        self.norm_scale, self.norm_shift = nn.Parameter(torch.empty(by_head)), nn.Parameter(torch.zeros(by_head))
        orthogonal_(self.receptance, self.value)
        orthogonal_(self.key, self.gate, gain=0.1)
        self._start_at(0, 1)

    def placed(self, index, depth):
        self._start_at(index, depth)
        for linear in (self.out, self.mix_down, self.decay_down):
            nn.init.zeros_(linear.weight)

    @torch.no_grad()
    def _start_at(self, index: int, depth: int) -> None:
        above, below = ahead(index, depth)
        self.mu.copy_(1 - shares(self.width, above, below)[[1, 1, 1, 2, 0, 0]])
        self.decay_up.bias.copy_(speeds(self.width, -6, 5, 0.7 + 1.3 * below))
        bonus = below * torch.linspace(1, 0, self.width) + 0.1 * zigzag(self.width)
        self.bonus.copy_(bonus.view_as(self.bonus))
        self.norm_scale.fill_(((1 + index) / depth) ** 0.7)

    def project(self, x, u):
        low = torch.tanh(self.mix_down(between(x, u, self.mu[0]))).unflatten(-1, (5, -1))
        share = self.mu[1:] + torch.einsum("btzr,zrd->btzd", low, self.mix_up)
        xd, xk, xv, xr, xg = between(x[:, :, None], u[:, :, None], share).unbind(2)
        r, k, v = map(self.by_head, (self.receptance(xr), self.key(xk), self.value(xv)))
        log_w = -wide(self.decay_up(torch.tanh(self.decay_down(xd)))).exp()
        return Association(r, k, v, self.by_head(log_w)), self.gate(xg)

    def recur(self, p, memory, marks):
        p, gate = p
        read, memory = read_with_bonus(p, self.bonus, memory, marks)
        return (read, gate), memory

    def readout(self, read, x, u):
        o, gate = read
        o = layer_norm(o, o.shape[-1:], eps=64e-5) * self.norm_scale + self.norm_shift
        return self.out(o.flatten(2) * silu(gate))
