from typing import ClassVar, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from reprise.layers.attention._cache import append, visible
from reprise.layers.attention._softmax import SoftmaxAttention

__all__ = ["FullAttention"]


class Memory(NamedTuple):
    k: Float[Tensor, "B S G K"]  # S: steps of the longest row so far
    v: Float[Tensor, "B S G K"]
    position: Int[Tensor, "B"]  # steps of its own sequence that a row has seen

    grows = ("k", "v")


class FullAttention(SoftmaxAttention):
    """Causal softmax attention: what a Transformer does, with a memory of every step so far.

        q, k = turn(Q x_t, t), turn(K x_t, t);   v = V x_t;   t: position, turns components of each head
        o_t = sum_j softmax_j(q_t . k_j / sqrt(K)) v_j,  j = 1 .. t;   y_t = O o_t

    Shapes   x (B T D) -> y (B T D);  memory: all S keys and values so far (B S G K), K = D / H, and a count (B)
    Cost     8 T D^2 + 4 T (S + T) D work, 2 S D numbers of state: it grows with every step
    Source   Vaswani et al. 2017, arXiv:1706.03762, sec. 3.2   (vaswani2017attention)
    Differs  positions turn queries and keys (Su et al. 2021, arXiv:2104.09864, sec. 3.2), not added to the input; no
             biases unless `out_bias`; heads of keys may be shared (Ainslie et al. 2023, arXiv:2305.13245)
    """

    excused: ClassVar = {"state_size_does_not_grow": "every step is kept: that is what full attention is"}

    def __init__(
        self, width: int, heads: int | None = None, kv_heads: int | None = None, rotary: float = 1.0,
        out_bias: bool = False,
    ):
        super().__init__(width, heads, kv_heads, rotary, out_bias)
        for linear in (self.query, self.key, self.value, self.out):
            nn.init.xavier_uniform_(linear.weight)

    def initial_memory(self, batch):
        k, v = self.key.weight.new_zeros(2, batch, 0, self.kv_heads, self.key_size)
        return Memory(k, v, torch.zeros(batch, dtype=torch.int64, device=k.device))

    def recur(self, p, memory, marks):
        (q, k, v), n, position = self.turned(p, memory.position, marks)
        if q.shape[1] == 0:
            return q, memory
        seen, size = memory.position, memory.k.shape[1]
        k, v = torch.cat([memory.k, k], 1), torch.cat([memory.v, v], 1)
        shared = self.heads // self.kv_heads
        keys, values = ((z if shared == 1 else z.repeat_interleave(shared, 2)).transpose(1, 2) for z in (k, v))
        plain = size == 0 and marks.real is marks.fresh is None  # half the work
        mask = None if plain else visible(size, seen, n)[:, None]
        read = scaled_dot_product_attention(q.transpose(1, 2), keys, values, mask, is_causal=plain)
        kept = (append(z, q.shape[1], seen, position, marks) for z in (k, v))
        return read.transpose(1, 2), Memory(*kept, position)
