from torch import nn
from torch.nn.functional import logsigmoid, silu

from reprise.bases.matrix_memory import MatrixMemory
from reprise.core.errors import InputError, check_counts
from reprise.ops.linear_attention import Association

__all__ = ["GLA"]


class GLA(MatrixMemory):
    """Gated linear attention: every channel of the keys forgets at a rate that the input chooses.

        q, k, v = W x_t;   alpha_t = sigmoid(U2 U1 x_t + b)^(1 / tau)
        S_t = diag(alpha_t) S_{t-1} + k_t v_t';   o_t = S_t' q_t / sqrt(K);   y_t = O (c norm_h(o_t) silu(G x_t))

    Shapes   x (B T D) -> y (B T D);  memory S (B H K V), V = D / H, K = V / 2
    Cost     8 T D^2 + 3 T D R + T D (3 C + 4 K) work, T / C depth
    Source   Yang et al. 2023, arXiv:2312.06635, sec. 4.1, 4.4; fla-org/flash-linear-attention   (yang2023gated)
    Differs  heads are about 64 wide unless `heads` is given, where the paper has four; the norm subtracts no mean and
             the output gate has no bias, as in the authors' code; in the paper they do
    """

    def __init__(
        self, width: int, heads: int | None = None, key: int | None = None, rank: int = 16, tau: float = 16.0
    ):
        check_counts("GLA", rank=rank)
        if not tau > 0:
            raise InputError(f"GLA: expected tau above 0, got {tau}; try tau=16")
        super().__init__(width, heads, key)
        H, K, V = self.memory_shape
        K = max(V // 2, 1) if key is None else key
        self.memory_shape, self.tau = (H, K, V), tau
        self.query, self.key = (nn.Linear(width, H * K, bias=False) for _ in range(2))
        self.value, self.gate, self.out = (nn.Linear(width, width, bias=False) for _ in range(3))
        self.decay = nn.Sequential(nn.Linear(width, rank, bias=False), nn.Linear(rank, H * K))
        self.norm = nn.RMSNorm(V, eps=1e-5)
        for linear in (self.query, self.key, self.value, self.gate, self.out, *self.decay):
            nn.init.xavier_uniform_(linear.weight, gain=2**-2.5)
        nn.init.zeros_(self.decay[1].bias)

    def project(self, x):
        q, k, v, log_w = (self.by_head(W(x)) for W in (self.query, self.key, self.value, self.decay))
        return Association(q * self.memory_shape[1] ** -0.5, k, v, logsigmoid(log_w) / self.tau)

    def readout(self, read, x):
        return self.out(self.norm(read).flatten(2) * silu(self.gate(x)))
