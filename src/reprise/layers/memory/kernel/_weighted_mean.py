"""What linear attentions with a normaliser share."""
import torch
from jaxtyping import Float
from torch import Tensor

from reprise.bases.matrix_memory import MatrixMemory
from reprise.ops.linear_attention import Association

__all__ = ["WeightedMean", "with_ones"]

EPS = 1e-6  # where no key is near the query, what is read is zero


class WeightedMean(MatrixMemory):
    """`project` gives (phi(q), phi(k), v), and what is read is the mean of all v, weighted by phi(q) . phi(k).

    The last column of the memory holds the sum of all phi(k), as if each were written with a one beside its value.
    """

    def __init__(self, width: int, heads: int | None):
        super().__init__(width, heads)
        H, K, V = self.memory_shape
        self.memory_shape = H, K, V + 1

    def recur(self, p, memory, marks):
        q, k, v = p
        forget_nothing = q.new_zeros(()).expand(*q.shape[:3], 1)
        read, memory = super().recur(Association(q, k, with_ones(v), forget_nothing), memory, marks)
        return read[..., :-1] / (read[..., -1:] + EPS), memory


def with_ones(v: Float[Tensor, "B T H V"]) -> Float[Tensor, "B T H W"]:
    """V + 1 columns."""
    return torch.cat([v, v.new_ones(*v.shape[:-1], 1)], -1)
