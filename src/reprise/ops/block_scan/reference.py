"""h_t = A_t h_{t-1} + b_t, one step at a time."""
import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["advance", "block_scan"]


def advance(
    A: Float[Tensor, "*B H N N"], b: Float[Tensor, "*B H N"], h: Float[Tensor, "*B H N"]
) -> Float[Tensor, "*B H N"]:
    """h one step later."""
    return (A @ h[..., None])[..., 0] + b


def block_scan(
    A: Float[Tensor, "B T H N N"], b: Float[Tensor, "B T H N"], h: Float[Tensor, "B H N"]
) -> Float[Tensor, "B T H N"]:
    every = []
    for A_t, b_t in zip(A.unbind(1), b.unbind(1), strict=True):
        h = advance(A_t, b_t, h)
        every.append(h)
    return torch.stack(every, 1)
