"""Attention to the last few steps: queries in blocks, each beside the keys it can reach, so that cost is T x window."""
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import pad

__all__ = ["Blocks", "cut"]

BLOCK = 64  # queries side by side, at least: a narrower block would copy keys more often


class Blocks(NamedTuple):
    """T queries in N blocks of C, and the S = C + window - 1 keys that each block can reach.

    Positions decide what a query sees: of its own sequence it has n steps behind it, and they lie side by side.
    """

    steps: int
    count: int
    size: int
    age: Int[Tensor, "C S"]  # how many steps a key lies behind a query; never a clock of its own
    visible: Bool[Tensor, "B N C S"]

    def queries(self, z: Float[Tensor, "B T *_"]) -> Float[Tensor, "B N C *_"]:
        return _fill(z, self.count * self.size).unflatten(1, (self.count, self.size))

    def keys(self, past: Float[Tensor, "B W-1 *_"], z: Float[Tensor, "B T *_"]) -> Float[Tensor, "B N *_ S"]:
        whole = torch.cat([past, _fill(z, self.count * self.size)], 1)
        return whole.unfold(1, self.size + past.shape[1], self.size)

    def weights(self, scores: Float[Tensor, "B N *_ C S"]) -> Float[Tensor, "B N *_ C S"]:
        """Softmax over what each query sees, which is itself at least."""
        between = [1] * (scores.ndim - 4)
        visible = self.visible.reshape(*self.visible.shape[:2], *between, *self.visible.shape[2:])
        return torch.softmax(torch.where(visible, scores, -torch.inf), -1)

    def together(self, z: Float[Tensor, "B N C *_"]) -> Float[Tensor, "B T *_"]:
        return z.flatten(1, 2)[:, : self.steps]


def cut(n: Int[Tensor, "B T"], window: int) -> Blocks:
    """The blocks of queries, at least one, at positions n of their sequences; each sees `window` steps with its own."""
    T = n.shape[1]
    C = min(T, max(window, BLOCK))
    N = -(-T // C)
    query, key = torch.arange(C, device=n.device)[:, None], torch.arange(C + window - 1, device=n.device)
    age = query - key + window - 1
    behind = _fill(n, N * C).unflatten(1, (N, C))[..., None]
    return Blocks(T, N, C, age, (age >= 0) & (age < window) & (age <= behind))


def _fill(z: Tensor, T: int) -> Tensor:
    """T steps, the last of them zero."""
    return z if z.shape[1] == T else pad(z, (0, 0) * (z.ndim - 2) + (0, T - z.shape[1]))
