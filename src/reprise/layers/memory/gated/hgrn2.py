import torch
from torch import nn
from torch.nn.functional import silu

from reprise.bases.matrix_memory import MatrixMemory
from reprise.layers.linear._lower_bound import first_bound
from reprise.layers.linear._wide import wide
from reprise.ops.linear_attention import Association

__all__ = ["HGRN2"]

MOST = 1 - 1e-6  # of a memory that a step may replace: the logarithm of nothing left has no gradient


class HGRN2(MatrixMemory):
    """HGRN2: HGRN's forget gates with a floor, its vector of memory expanded to a matrix by outer products.

        f_t = gamma + (1 - gamma) sigmoid(U x_t);   gamma = sigmoid(l);   q_t = silu(W x_t)
        S_t = diag(f_t) S_{t-1} + (1 - f_t) (V x_t)';   o_t = S_t' q_t / sqrt(K);   y_t = O norm(o_t)

    Shapes   x (B T D) -> y (B T D);  memory S (B H K V), K = V = D / H
    Cost     8 T D^2 + 4 T D (C + K) work, T / C depth
    Source   Qin et al. 2024, arXiv:2404.07904, sec. 3; fla-org/flash-linear-attention   (qin2024hgrn2)
    Differs  heads are about 64 wide unless `heads` is given, the paper's 128; each layer learns its own gamma, which
             starts at k / H in layer k = 0 .. H - 1 of a stack of H, and at no less than 0.01; the paper ties the
             bounds of all layers by a softmax over layers
    """

    def __init__(self, width: int, heads: int | None = None):
        super().__init__(width, heads)
        self.query, self.forget, self.value, self.out = (nn.Linear(width, width, bias=False) for _ in range(4))
        self.bound = nn.Parameter(torch.empty(width))
        self.norm = nn.RMSNorm(width, eps=1e-5)
        self.placed(0, 1)

    def placed(self, index, depth):
        nn.init.constant_(self.bound, first_bound(index, depth))

    def project(self, x):
        enter = torch.sigmoid(-wide(self.bound)) * torch.sigmoid(-wide(self.forget(x)))  # 1 - f
        enter = self.by_head(enter.clamp(max=MOST))
        q = self.by_head(silu(self.query(x))) * self.memory_shape[1] ** -0.5
        return Association(q, enter, self.by_head(self.value(x)), torch.log1p(-enter))

    def readout(self, read, x):
        return self.out(self.norm(read.flatten(2)))
