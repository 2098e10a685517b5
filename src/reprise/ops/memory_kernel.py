"""What the kernels of matrix memories share: how a memory is cut into blocks, and their arguments as arrays.

A kernel goes over time once, a block of the memory's columns (or rows) in the nearest cache; (B T K V) is nowhere. For
heads of the usual size that takes no more multiplications than matrix products over chunks of time, and decays only
ever multiply. A block is at most `WIDE` columns, and what a loop touches lies in few arrays, `WIDE` apart: the compiler
then sees what cannot overlap, and makes the loops wide.
"""
from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from reprise.ops.threads import share_out

__all__ = ["FOUR", "LANES", "STEPS", "WIDE", "outputs", "over_blocks"]

WIDE = 64  # columns of a block
LANES = 16  # of which the last may idle: a loop runs over a multiple of this
STEPS = 64  # from one memory that is kept for the backward pass to the next
FOUR = 4  # rows that go together


def over_blocks(kernel: Callable, cut: Float[Tensor, "B T H N"], *arguments: Tensor | int) -> None:
    """`kernel(first, last, T, H, *arguments)` over shares of the blocks of N, of all heads."""
    B, T, H, N = cut.shape
    given = (_rows(z) if isinstance(z, Tensor) else z for z in arguments)
    share_out(kernel, B * H * -(-N // WIDE), T, H, *given)


def _rows(z: Tensor) -> np.ndarray:
    """As Numba takes it: every row by a number, in order; two dimensions compile in half the time of four."""
    return z.contiguous().flatten(0, -2).numpy()


def outputs(
    v: Float[Tensor, "B T H V"], S: Float[Tensor, "B H K V"], keep_borders: bool
) -> tuple[Float[Tensor, "B T H V"], Float[Tensor, "B H K V"], Float[Tensor, "B H C K V"]]:
    """Room for what is read, the last memory, and if wanted the one before every `STEPS` steps."""
    chunks = -(-v.shape[1] // STEPS) if keep_borders else 0
    borders = S.new_empty(*S.shape[:2], chunks, *S.shape[2:])
    return torch.empty(v.shape, dtype=v.dtype), torch.empty(S.shape, dtype=S.dtype), borders
