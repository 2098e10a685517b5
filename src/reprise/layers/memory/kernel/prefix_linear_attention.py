from typing import ClassVar

import torch
from jaxtyping import Float, Integer
from torch import Tensor, nn

from reprise.bases.recurrent import State
from reprise.core.marks import mark
from reprise.layers.memory.kernel._taylor import TaylorAttention, taylor
from reprise.layers.memory.kernel._weighted_mean import with_ones

__all__ = ["PrefixLinearAttention"]


class PrefixLinearAttention(TaylorAttention):
    """Prefix linear attention: a prompt is read whole before its first output, then the memory goes on causally.

        q, k, v = W x_t;   ke, ve = We x_t;   phi(q) . phi(k) = 1 + s + s^2 / 2,  s = q . k / sqrt(N)
        S_0 = sum_{j <= M} phi(ke_j) ve_j';   S_t = S_{t-1} + phi(k_t) v_t';   z likewise
        y_t = O (S_t' phi(q_t) / (z_t . phi(q_t)))

    As a layer it is causal, with S_0 = 0; `read_prefix` is for the first M steps, and gives the state to go on from.

    Shapes   x (B T D) -> y (B T D);  memory S and z (B H K V+1), K = (N + 1) (N + 2) / 2, V = D / H
    Cost     4 T D^2 + 4 T H N D + 2 T C (H K + D) + 4 T D K work, T / C depth; 2 M D (D + H N + K) more for a prefix
    Source   Arora et al. 2024, arXiv:2407.05483, sec. 4 (JRT-RNN)   (arora2024just)
    Differs  each product of two components is kept once, not twice; 1e-6 is added to the denominator
    """

    excused: ClassVar[dict[str, str]] = {
        "everything_learns": "the weights of ke and ve belong to read_prefix: a causal pass has no use for them"}

    def __init__(self, width: int, heads: int | None = None, features: int = 16):
        super().__init__(width, heads, features)
        self.prefix_key = nn.Linear(width, self.memory_shape[0] * features, bias=False)
        self.prefix_value = nn.Linear(width, width, bias=False)

    def read_prefix(
        self, x: Float[Tensor, "B M D"], lengths: Integer[Tensor, "B"] | None = None
    ) -> tuple[Float[Tensor, "B M D"], State]:
        """Outputs that see the whole of their prefix (zero at padding), and the state after it.

        lengths: of the prefixes, right-padded. Raises InputError for a shape or lengths that do not fit.
        """
        self._check(x, None)
        marks = mark(x, lengths, None)
        x = marks.pad(x, 0.0)
        dtype = self.initial_memory(0).dtype
        k, v = taylor(self.by_head(self.prefix_key(x))), with_ones(self.by_head(self.prefix_value(x)))
        S = torch.einsum("bthk,bthv->bhkv", marks.pad(k, 0.0).to(dtype), v.to(dtype))
        return self(x, State((), S), lengths=lengths)
