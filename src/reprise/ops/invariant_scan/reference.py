"""h_t = A h_{t-1} + b_t, one step at a time."""
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from reprise.core.marks import Marks
from reprise.ops.unroll import unroll

__all__ = ["invariant_scan"]


def invariant_scan(
    b: Float[Tensor, "B T H N"], A: Float[Tensor, "#H N N"], h: Float[Tensor, "B H N"],
    fresh: Bool[Tensor, "B T"] | None,
) -> Float[Tensor, "B T H N"]:
    def advance(b_t: Tensor, h: Tensor) -> Tensor:
        return (A @ h[..., None])[..., 0] + b_t

    every, _ = unroll(advance, b, h, Marks(None, fresh), start=torch.zeros_like(h[:1]))
    return every
