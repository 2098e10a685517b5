import math

import torch
from torch import Tensor, nn
from torch.nn.functional import rms_norm, silu, softplus

from reprise.bases.matrix_memory import MatrixMemory
from reprise.core.errors import InputError, check_counts
from reprise.layers.convolution.short_convolution import ShortConvolution
from reprise.layers.linear._step_size import first_dt
from reprise.ops.linear_attention import Association

__all__ = ["Mamba2"]


class Mamba2(MatrixMemory):
    """Mamba-2: Mamba's state space with one decay for a whole head, so that time is matrix products.

        u, B, C = silu(conv(W x));   dt = clamp(softplus(R x + c), dt_limit);   a_t = exp(-exp(log_A) dt)
        S_t = a_t S_{t-1} + B (dt u)';   o_t = S_t' C + D u;   y_t = O norm_g(o_t silu(Z x_t))

    Shapes   x (B T D) -> y (B T D);  memory S (B H N V), V = E / H, local: the last three W x (B 3 E+2GN)
    Cost     2 T D (3 E + 2 G N + H) + 2 T C (H N + E) + 4 T E N work, T / C depth
    Source   Dao & Gu 2024, arXiv:2405.21060, sec. 7.1, fig. 6; state-spaces/mamba, mamba2.py   (dao2024transformers)
    Differs  the convolution always has a bias and the projections never have one, as in every released model
    """

    def __init__(
        self, width: int, hidden: int | None = None, heads: int | None = None, states: int = 128, groups: int = 1,
        kernel_size: int = 4, dt_limit: tuple[float, float] | None = None, eps: float = 1e-5,
    ):
        check_counts("Mamba2", width=width, hidden=hidden, states=states, groups=groups, kernel_size=kernel_size)
        E = 2 * width if hidden is None else hidden
        super().__init__(width, heads, key=states, hidden=E)
        H, N, _ = self.memory_shape
        if H % groups:
            near = max(g for g in range(1, groups) if H % g == 0)
            raise InputError(f"Mamba2: heads={H} are not divisible by groups={groups}; try groups={near}")
        low, high = (0.0, math.inf) if dt_limit is None else dt_limit
        if not 0 <= low < high:
            raise InputError(f"Mamba2: expected dt_limit=(low, high) with 0 <= low < high, got {dt_limit!r}")
        self.groups, self.dt_limit, self.eps = groups, (low, high), eps
        self.parts = E, groups * N, groups * N
        self.local = ShortConvolution(width, sum(self.parts), kernel_size)
        self.rate, self.gate = nn.Linear(width, H, bias=False), nn.Linear(width, E, bias=False)
        self.dt = nn.Parameter(first_dt(H))
        self.log_A = nn.Parameter(torch.empty(H).uniform_(1, 16).log())
        self.D = nn.Parameter(torch.ones(H))
        self.norm_scale = nn.Parameter(torch.ones(E))
        self.out = nn.Linear(E, width, bias=False)

    def project(self, x, u):
        u, B, C = silu(u).split(self.parts, -1)
        u, B, C = self.by_head(u), self._by_group(B), self._by_group(C)
        dt = softplus(self.rate(x) + self.dt).clamp(*self.dt_limit)[..., None]
        return Association(C, B, dt * u, -self.log_A.exp()[:, None] * dt), u

    def recur(self, p, memory, marks):
        association, u = p
        read, memory = super().recur(association, memory, marks)
        return read + self.D[:, None] * u, memory

    def readout(self, read, x, u):
        gated = (read.flatten(2) * silu(self.gate(x))).unflatten(-1, (self.groups, -1))
        return self.out(rms_norm(gated, gated.shape[-1:], eps=self.eps).flatten(2) * self.norm_scale)

    def _by_group(self, z: Tensor) -> Tensor:
        """What the heads of a group share, given to each."""
        H, N, _ = self.memory_shape
        z = z.unflatten(-1, (self.groups, 1, N))
        return z.expand(-1, -1, -1, H // self.groups, -1).flatten(2, 3)
