"""Attention to the last few steps, and always to a few learned tokens."""
import torch
from jaxtyping import Float
from torch import Tensor, nn

from reprise.core.errors import check_counts
from reprise.layers.attention._window import cut
from reprise.layers.attention._windowed import WindowedAttention

__all__ = ["PersistentAttention"]


class PersistentAttention(WindowedAttention):
    """Keys turn with position; those of the learned tokens stand before every sequence and do not."""

    def __init__(self, width: int, heads: int | None, window: int, persistent: int):
        check_counts(type(self).__name__, persistent=persistent)
        super().__init__(width, heads, None, window, rotary=1.0, out_bias=False)
        self.tokens = nn.Parameter(torch.randn(persistent, width))

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
        return blocks.together(read), memory.then(k, v, position, marks)
