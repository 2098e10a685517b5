"""What layers of attention to the last few steps share: the keys and values of those, and a count."""
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from reprise.core.errors import check_counts
from reprise.core.marks import Marks
from reprise.layers._past import keep
from reprise.layers.attention._softmax import SoftmaxAttention

__all__ = ["Window", "WindowedAttention"]


class Window(NamedTuple):
    k: Float[Tensor, "B W-1 G K"]
    v: Float[Tensor, "B W-1 G K"]
    position: Int[Tensor, "B"]  # steps of its own sequence that a row has seen

    def then(self, k: Tensor, v: Tensor, position: Int[Tensor, "B"], marks: Marks) -> "Window":
        """After more steps, (B T G K) of each."""
        return Window(keep(self.k, k, marks), keep(self.v, v, marks), position)


class WindowedAttention(SoftmaxAttention):
    """A query sees `window` steps, its own included."""

    def __init__(
        self, width: int, heads: int | None, kv_heads: int | None, window: int, rotary: float, out_bias: bool
    ):
        check_counts(type(self).__name__, window=window)
        super().__init__(width, heads, kv_heads, rotary, out_bias)
        self.window = window

    def initial_memory(self, batch):
        k, v = self.key.weight.new_zeros(2, batch, self.window - 1, self.kv_heads, self.key_size)
        return Window(k, v, torch.zeros(batch, dtype=torch.int64, device=k.device))
