"""Gates near one need more digits than bfloat16 has."""
import torch
from torch import Tensor

__all__ = ["wide"]


def wide(x: Tensor) -> Tensor:
    """The same numbers in float32 at least, as the memory they are about to meet."""
    return x.to(torch.promote_types(x.dtype, torch.float32))
