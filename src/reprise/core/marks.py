"""Where sequences end and begin inside a batch: `lengths` and `resets`, as two masks that operations honour."""
from typing import NamedTuple

import torch
from jaxtyping import Bool, Int, Integer
from torch import Tensor

from reprise.core.errors import InputError

__all__ = ["NO_MARKS", "WHOLE", "Marks", "each_step", "mark", "over"]

WHOLE = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)  # types of whole numbers


class Marks(NamedTuple):
    """Which steps are real, and which begin a new sequence; padding is always on the right."""

    real: Bool[Tensor, "B T"] | None = None  # None: every step is real
    fresh: Bool[Tensor, "B T"] | None = None  # None: no step begins a new sequence

    def pad(self, x: Tensor, value: Tensor | float) -> Tensor:
        """`x` with the value that makes a step do nothing, wherever the step is padding."""
        return x if self.real is None else torch.where(over(self.real, x), x, value)

    def restart(self, x: Tensor, value: Tensor | float) -> Tensor:
        """`x` with the value that forgets, wherever a new sequence begins."""
        return x if self.fresh is None else torch.where(over(self.fresh, x), value, x)

    def positions(self, seen: Int[Tensor, "B"], T: int) -> tuple[Int[Tensor, "B T"], Int[Tensor, "B"]]:
        """How many steps of its own sequence came before each step, and in all by the end: a clock that resets reach.

        `seen` counts those before this call; a layer whose equations mention t carries it in its memory.
        """
        t = torch.arange(T, device=seen.device)
        start = -seen[:, None].expand(-1, T)
        if self.fresh is not None:
            start = torch.where(self.fresh, t, start).cummax(1).values
        steps = T if self.real is None else self.real.sum(1)
        return t - start, steps - start[:, -1] if T else seen

    def last(self, every: Tensor, before: Tensor) -> Tensor:
        """What `every` (B T ...) is at each row's last real step; `before` (B ...) where it has none."""
        if self.real is None:
            return every[:, -1] if every.shape[1] else before
        steps = over(self.real.sum(1), before)
        there = every.take_along_dim((steps - 1).clamp_min(0)[:, None], 1)[:, 0] if every.shape[1] else before
        return torch.where(steps > 0, there, before)


NO_MARKS = Marks()


def over(mask: Bool[Tensor, "B ..."], x: Tensor) -> Tensor:
    """The mask with as many dimensions as `x`, to be broadcast over what it lacks."""
    return mask.reshape(*mask.shape, *[1] * (x.ndim - mask.ndim))


def each_step(mask: Bool[Tensor, "B T"] | None, T: int) -> list[Bool[Tensor, "B 1"] | None]:
    """The mask of every step in turn, or None for each where there is none: for loops over time."""
    return [None] * T if mask is None else list(mask[..., None].unbind(1))


def mark(x: Tensor, lengths: Integer[Tensor, "B"] | None, resets: Bool[Tensor, "B T"] | None) -> Marks:
    """`lengths` and `resets` for an input (B T ...), checked. Raises InputError where they do not fit."""
    if lengths is None and resets is None:
        return NO_MARKS
    B, T = x.shape[:2]
    if resets is not None:
        _check_resets(resets, B, T)
        resets = resets.to(x.device)
    if lengths is None:
        return Marks(None, resets)
    _check_lengths(lengths, B, T)
    real = torch.arange(T, device=x.device) < lengths.to(x.device)[:, None]
    return Marks(real, None if resets is None else resets & real)


def _check_resets(resets: Tensor, B: int, T: int) -> None:
    if not (isinstance(resets, Tensor) and resets.shape == (B, T) and resets.dtype == torch.bool):
        raise InputError(f"resets is {_kind(resets)}; give torch.bool {(B, T)}, True where a new sequence begins")


def _check_lengths(lengths: Tensor, B: int, T: int) -> None:
    if not (isinstance(lengths, Tensor) and lengths.shape == (B,) and lengths.dtype in WHOLE):
        raise InputError(f"lengths is {_kind(lengths)}; give a tensor, one whole length for each of the {B} rows of x")
    if torch.compiler.is_compiling():
        return  # a look at the values would break the graph
    if B and not 0 <= int(lengths.min()) <= int(lengths.max()) <= T:
        raise InputError(f"lengths run from {int(lengths.min())} to {int(lengths.max())}; give lengths from 0 to T={T}")


def _kind(x: object) -> str:
    return f"{x.dtype} {tuple(x.shape)}" if isinstance(x, Tensor) else f"a {type(x).__name__}"
