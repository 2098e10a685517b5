import torch
from jaxtyping import Float
from torch import Tensor, nn

from reprise.layers.memory.kernel._weighted_mean import WeightedMean

__all__ = ["LinearAttention"]


class LinearAttention(WeightedMean):
    """Linear attention: softmax's exp(q . k) replaced by a product of features, so that a sum remembers all keys.

        q, k, v = W x_t + b;   phi(z) = elu(z) + 1;   S_t = S_{t-1} + phi(k_t) v_t';   z_t = z_{t-1} + phi(k_t)
        y_t = O (S_t' phi(q_t) / (z_t . phi(q_t)))

    Shapes   x (B T D) -> y (B T D);  memory S and z (B H K V+1), K = V = D / H
    Cost     8 T D^2 + 4 T D (C + K) work, T / C depth
    Source   Katharopoulos et al. 2020, arXiv:2006.16236, sec. 3.2-3.4   (katharopoulos2020transformers)
    Differs  1e-6 is added to the denominator, so that a query to which no key is near reads zero
    """

    def __init__(self, width: int, heads: int | None = None):
        super().__init__(width, heads)
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))

    def project(self, x):
        q, k, v = (self.by_head(W(x)) for W in (self.query, self.key, self.value))
        return phi(q), phi(k), v

    def readout(self, read, x):
        return self.out(read.flatten(2))


def phi(z: Float[Tensor, "*B K"]) -> Float[Tensor, "*B K"]:
    """elu + 1, to the last digit where it is small: exp(z) below zero."""
    return torch.where(z > 0, z + 1, torch.exp(z.clamp(max=0)))
