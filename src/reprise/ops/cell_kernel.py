"""What the kernels of nonlinear cells share: their arguments as arrays, rows shared out in pairs, what came before."""
from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from reprise.core.marks import over
from reprise.ops.threads import share_out

__all__ = ["earlier", "mask_arrays", "over_rows"]

WORTH_A_THREAD = 10_000_000  # multiplications: about 0.2 ms
NO_MASK = np.zeros((0, 0), np.uint8)


def over_rows(kernel: Callable, work: int, masks: tuple[np.ndarray, np.ndarray], *tensors: Tensor) -> None:
    """`kernel(first, last, real, fresh, *arrays)` over shares of the pairs of rows (B ...) of the first tensor."""
    arguments = *masks, *(z.contiguous().numpy() for z in tensors)
    pairs = -(-len(tensors[0]) // 2)
    if work < WORTH_A_THREAD:
        kernel(0, pairs, *arguments)
    else:
        share_out(kernel, pairs, *arguments)


def mask_arrays(real: Bool[Tensor, "B T"] | None, fresh: Bool[Tensor, "B T"] | None) -> tuple[np.ndarray, np.ndarray]:
    """The marks as a kernel takes them: bytes, of size zero where there is no mask; nothing begins at padding."""
    if real is not None and fresh is not None:
        fresh = fresh & real
    return _bytes(real), _bytes(fresh)


def earlier(
    h: Float[Tensor, "B D"], every: Float[Tensor, "B T D"], fresh: Bool[Tensor, "B T"] | None
) -> Float[Tensor, "B*T D"]:
    """What each step began with."""
    before = torch.cat([h[:, None], every[:, :-1]], 1)
    if fresh is not None:
        before.masked_fill_(over(fresh, before), 0)
    return before.flatten(0, 1)


def _bytes(mask: Bool[Tensor, "B T"] | None) -> np.ndarray:
    return NO_MASK if mask is None else mask.contiguous().view(torch.uint8).numpy()
