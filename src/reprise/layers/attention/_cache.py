"""A cache that grows: every step of a row's sequence, side by side from the left, and zeros where there is none."""
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from reprise.core.marks import Marks, over

__all__ = ["append", "visible"]


def visible(size: int, seen: Int[Tensor, "B"], n: Int[Tensor, "B T"]) -> Bool[Tensor, "B T S+T"]:
    """What queries at positions n see of a cache of `size` entries, of which each row has `seen`, and of each other."""
    T = n.shape[1]
    t, entry = torch.arange(T, device=n.device), torch.arange(size, device=n.device)
    age = t[:, None] - t
    among = (age >= 0) & (age <= n[..., None])
    carries_on = n == seen[:, None] + t
    behind = (entry < seen[:, None])[:, None] & carries_on[..., None]
    return torch.cat([behind, among], 2)


def append(
    found: Float[Tensor, "B S+T *_"], T: int, seen: Int[Tensor, "B"], position: Int[Tensor, "B"], marks: Marks
) -> Float[Tensor, "B S' *_"]:
    """The cache with the T new steps that stand behind it, after which rows have `position` entries."""
    size = found.shape[1] - T
    steps = torch.full_like(seen, T) if marks.real is None else marks.real.sum(1)
    entry = torch.arange(_next_size(size + T, position, marks), device=found.device)
    step = entry + (steps - position)[:, None]  # which of the new steps it is; below 0: an old one, where it was
    source = torch.where(step >= 0, size + step, seen[:, None] + step).clamp(max=size + T - 1)
    found = found.take_along_dim(over(source, found), 1)
    return torch.where(over(entry < position[:, None], found), found, 0.0)


def _next_size(most: int, position: Tensor, marks: Marks) -> int:
    """As many entries as the longest row has, where that may be asked."""
    if marks.real is marks.fresh is None or torch.compiler.is_compiling() or position.is_meta:
        return most
    return int(position.max()) if len(position) else 0
