"""A recurrence keeps the precision of its memory, whatever the products around it are rounded to."""
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

__all__ = ["own_precision"]


def own_precision(like: Tensor) -> AbstractContextManager:
    """Where autocast does not reach: it would round a memory to bfloat16 at every step."""
    kind = like.device.type
    return torch.autocast(kind, enabled=False) if torch.amp.is_autocast_available(kind) else nullcontext()
