"""A place between two tensors, whatever types a layer's parts have under autocast."""
import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["between"]


def between(start: Float[Tensor, "..."], end: Float[Tensor, "..."], share: Float[Tensor, "..."]) -> Tensor:
    """start + share (end - start), in the widest of their types; torch.lerp alone takes one type only."""
    widest = torch.promote_types(torch.promote_types(start.dtype, end.dtype), share.dtype)
    return torch.lerp(start.to(widest), end.to(widest), share.to(widest))
