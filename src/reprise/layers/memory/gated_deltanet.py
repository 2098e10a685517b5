import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import silu, softplus

from reprise.bases.matrix_memory import MatrixMemory
from reprise.core.errors import check_counts
from reprise.layers.convolution.short_convolution import ShortConvolution
from reprise.ops.delta_rule import Correction

__all__ = ["GatedDeltaNet"]


class GatedDeltaNet(MatrixMemory):
    """Gated DeltaNet: forget everything a little, then correct one association.

        q, k, v = silu(conv(W x));   q, k <- q / |q|, k / |k|
        alpha = exp(-exp(A) softplus(a(x) + dt));   beta = sigmoid(b(x))
        S_t = alpha (I - beta k k') S_{t-1} + beta k v';   o_t = S_t' q / sqrt(K);   y_t = O (c norm(o_t) silu(G x_t))

    Shapes   x (B T D) -> y (B T D);  memory S (B H K V), K = D / H, V = expand K, local: the last three W x (B 3 2D+HV)
    Cost     (2 + 3 expand) T D^2 + T D (4 C + 3 K) work, T / C depth
    Source   Yang et al. 2024, arXiv:2412.06464, sec. 3.1, 3.3, fig. 1   (yang2024gated)
    Differs  keys fill the whole width, and values too (expand=1), where the paper has 3/4 and 3/2 of it; exp(A) starts
        no lower than 0.01, so that no A is minus infinity
    """

    def __init__(self, width: int, heads: int | None = None, kernel_size: int = 4, expand: int = 1):
        check_counts("GatedDeltaNet", expand=expand, kernel_size=kernel_size)
        super().__init__(width, heads)
        H, K, _ = self.memory_shape
        self.memory_shape = H, K, expand * K
        self.local = ShortConvolution(width, (2 + expand) * width, kernel_size, bias=False)
        self.rate, self.strength = nn.Linear(width, H, bias=False), nn.Linear(width, H, bias=False)
        self.log_A = nn.Parameter(torch.empty(H).uniform_(0.01, 16).log())
        self.dt = nn.Parameter(first_dt(H))
        self.norm = nn.RMSNorm(expand * K, eps=1e-5)
        self.gate = nn.Linear(width, expand * width, bias=False)
        self.out = nn.Linear(expand * width, width, bias=False)

    def project(self, x, u):
        H, K, V = self.memory_shape
        q, k, v = map(self.by_head, silu(u).split((H * K, H * K, H * V), -1))
        q, k = unit(q) * K**-0.5, unit(k)
        log_alpha = -self.log_A.exp() * softplus(self.rate(x) + self.dt)
        beta, log_alpha = torch.sigmoid(self.strength(x))[..., None], log_alpha[..., None]
        return Correction(q, beta * k, v, log_alpha, -log_alpha.exp() * beta * k, k)

    def readout(self, read, x, u):
        return self.out(self.norm(read).flatten(2) * silu(self.gate(x)))


def first_dt(heads: int) -> Float[Tensor, "H"]:
    """Mamba-2's: softplus of it is log-uniform from 0.001 to 0.1."""
    dt = torch.exp(torch.empty(heads).uniform_(math.log(0.001), math.log(0.1)))
    return dt + torch.log(-torch.expm1(-dt))


def unit(z: Float[Tensor, "B T H K"]) -> Float[Tensor, "B T H K"]:
    """Of length one; near zero it shrinks smoothly, so that its gradient stays bounded."""
    return z * torch.rsqrt(z.square().sum(-1, keepdim=True) + 1e-6)
