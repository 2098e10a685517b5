import torch
from torch import nn
from torch.nn.functional import silu, softplus

from reprise.bases.matrix_memory import MatrixMemory
from reprise.core.errors import check_counts
from reprise.layers.convolution.short_convolution import ShortConvolution
from reprise.layers.linear._step_size import first_dt
from reprise.layers.linear._wide import wide
from reprise.layers.memory._delta import correction, queries_keys_values

__all__ = ["GatedDeltaNet"]


class GatedDeltaNet(MatrixMemory):
    """Gated DeltaNet: forget everything a little, then correct one association.

        q, k, v = silu(conv(W x));   q, k <- q / |q|, k / |k|
        alpha = exp(-exp(A) softplus(a(x) + dt));   beta = sigmoid(b(x))
        S_t = alpha (I - beta k k') S_{t-1} + beta k v';   o_t = S_t' q / sqrt(K);   y_t = O (c norm(o_t) silu(G x_t))

    Shapes   x (B T D) -> y (B T D);  memory S (B H K V), K = D / H, V = expand K, local: the last three W x (B 3 2D+HV)
    Cost     (4 + 6 expand) T D^2 + T D (8 C + 6 K) work, T / C depth
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
        q, k, v = queries_keys_values(u, self.memory_shape)
        log_alpha = -wide(self.log_A).exp() * softplus(wide(self.rate(x)) + wide(self.dt))
        return correction(q, k, v, torch.sigmoid(wide(self.strength(x)))[..., None], log_alpha[..., None])

    def readout(self, read, x, u):
        return self.out(self.norm(read).flatten(2) * silu(self.gate(x)))
