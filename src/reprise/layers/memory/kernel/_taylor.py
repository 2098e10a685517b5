"""Attention by the Taylor series of exp, of Based and those after it."""
import torch
from jaxtyping import Float
from torch import Tensor, nn

from reprise.core.errors import check_counts
from reprise.layers.memory.kernel._weighted_mean import WeightedMean

__all__ = ["TaylorAttention", "taylor"]


class TaylorAttention(WeightedMean):
    """Causal linear attention with the feature map `taylor`, of `features` numbers a head."""

    def __init__(self, width: int, heads: int | None = None, features: int = 16):
        check_counts(type(self).__name__, features=features)
        super().__init__(width, heads)
        H, _, V = self.memory_shape
        self.memory_shape = H, 1 + features + features * (features + 1) // 2, V
        self.query, self.key = (nn.Linear(width, H * features, bias=False) for _ in range(2))
        self.value, self.out = (nn.Linear(width, width, bias=False) for _ in range(2))

    def project(self, x):
        q, k, v = (self.by_head(W(x)) for W in (self.query, self.key, self.value))
        return taylor(q), taylor(k), v

    def readout(self, read, x):
        return self.out(read.flatten(2))


def taylor(z: Float[Tensor, "*B N"]) -> Float[Tensor, "*B K"]:
    """phi with phi(q) . phi(k) = 1 + s + s^2 / 2, s = q . k / sqrt(N): each product of two components once."""
    N = z.shape[-1]
    z = z * N**-0.25
    pairs = [z[..., i : i + 1] * z[..., i + 1 :] for i in range(N - 1)]
    return torch.cat([z.new_ones(*z.shape[:-1], 1), z, z.square() * 0.5**0.5, *pairs], -1)
