"""What a layer keeps of its last inputs, and how it looks back at them: never across a fresh start."""
import torch
from jaxtyping import Float, Int
from torch import Tensor

from reprise.core.marks import Marks, over

__all__ = ["delayed", "keep", "take"]


def delayed(
    past: Float[Tensor, "B W *_"], z: Float[Tensor, "B T *_"], steps: int, marks: Marks
) -> Float[Tensor, "B T *_"]:
    """`z` of so many steps ago, at most W; zero where the sequence had not begun."""
    T, first = z.shape[1], past.shape[1] - steps
    then = torch.cat([past, z], 1)[:, first : first + T]
    if marks.fresh is None or steps == 0:
        return then
    t = torch.arange(T, device=z.device)
    start = torch.where(marks.fresh, t, -steps).cummax(1).values  # without one, all of `past` is of this sequence
    return torch.where(over(t - start >= steps, then), then, 0.0)


def keep(past: Float[Tensor, "B W *_"], z: Float[Tensor, "B T *_"], marks: Marks) -> Float[Tensor, "B W *_"]:
    """The last W real steps of each row, zero where they are not of its last sequence."""
    back, whole = past.shape[1], torch.cat([past, z], 1)
    real = None if marks.real is None else marks.real.sum(1, keepdim=True)
    slot = torch.arange(back, device=z.device)
    kept = whole[:, whole.shape[1] - back :] if real is None else take(whole, real + slot)
    if marks.fresh is None or z.shape[1] == 0:
        return kept
    t = torch.arange(z.shape[1], device=z.device)
    start = torch.where(marks.fresh, t, -back).amax(1, keepdim=True)
    step = slot - back + (z.shape[1] if real is None else real)
    return torch.where(over(step >= start, kept), kept, 0.0)


def take(z: Float[Tensor, "B T *_"], steps: Int[Tensor, "B S"]) -> Float[Tensor, "B S *_"]:
    """These steps of each row."""
    return z.take_along_dim(over(steps, z), 1)
