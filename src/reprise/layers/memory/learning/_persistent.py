"""Attention to the last few steps, and always to a few learned tokens."""
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from reprise.core.errors import check_counts
from reprise.layers._past import keep
from reprise.layers.attention._softmax import SoftmaxAttention
from reprise.layers.attention._window import cut

__all__ = ["PersistentAttention"]


class Window(NamedTuple):
    k: Float[Tensor, "B W-1 H K"]
    v: Float[Tensor, "B W-1 H K"]
    position: Int[Tensor, "B"]  # steps of its own sequence that a row has seen


class PersistentAttention(SoftmaxAttention):
    """Keys turn with position; those of the learned tokens stand before every sequence and do not."""

    def __init__(self, width: int, heads: int | None, window: int, persistent: int):
        check_counts(type(self).__name__, window=window, persistent=persistent)
        super().__init__(width, heads, None, rotary=1.0, out_bias=False)
        self.window = window
        self.tokens = nn.Parameter(torch.randn(persistent, width))

    def initial_memory(self, batch):
        k, v = self.key.weight.new_zeros(2, batch, self.window - 1, self.heads, self.key_size)
        return Window(k, v, torch.zeros(batch, dtype=torch.int64, device=k.device))

    def always(self) -> tuple[Float[Tensor, "P H K"], Float[Tensor, "P H K"]]:
        """Keys and values of the learned tokens."""
        return tuple(W(self.tokens).unflatten(-1, (self.heads, -1)) for W in (self.key, self.value))

    def recur(self, p, memory, marks):
        (q, k, v), n, position = self.turned(p, memory.position, marks)
        if q.shape[1] == 0:
            return q, memory
        blocks, (first_k, first_v) = cut(n, self.window), self.always()
        asks = blocks.queries(q) * self.key_size**-0.5
        near = torch.einsum("bnchk,bnhks->bnhcs", asks, blocks.keys(memory.k, k))
        near = torch.where(blocks.visible[:, :, None], near, -torch.inf)
        weights = torch.softmax(torch.cat([torch.einsum("bnchk,phk->bnhcp", asks, first_k), near], -1), -1)
        first, near = weights.split((len(first_k), near.shape[-1]), -1)
        read = torch.einsum("bnhcp,phv->bnchv", first, first_v)
        read = read + torch.einsum("bnhcs,bnhvs->bnchv", near, blocks.keys(memory.v, v))
        kept = (keep(past, z, marks) for past, z in ((memory.k, k), (memory.v, v)))
        return blocks.together(read), Window(*kept, position)
