"""A step function at every step of time at once, on memories laid out as rows of real numbers, and its derivative."""
from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from reprise.core.errors import InputError
from reprise.core.marks import Marks
from reprise.core.state import map_state, named_tensors, refill

__all__ = ["Linearised", "Steps"]


class Steps:
    """h_t = f(p_t, h_{t-1}) for all t side by side: steps are handed to `advance` as rows of one batch."""

    def __init__(self, advance: Callable[[Any, Any], Any], p: Any, memory: Any, marks: Marks, start: Any):
        self.advance, self.like, self.parts = advance, memory, [part for _, part in named_tensors(memory)]
        self.real, self.fresh = (None if m is None else m[..., None] for m in marks)
        if self.real is not None and self.fresh is not None:
            self.fresh = self.fresh & self.real  # padding keeps the memory, whatever else it is
        self.first, self.start = rows(memory), rows(start)
        self.dtype = self.parts[0].dtype
        self.shape = next(named_tensors(p))[1].shape[:2]
        self.p = map_state(lambda x: _widened(x, self.parts).flatten(0, 1), p)

    def before(self, every: Float[Tensor, "B T M"]) -> Float[Tensor, "B T M"]:
        """What each step begins with, if these are the memories after each."""
        earlier = torch.cat([self.first[:, None], every[:, :-1]], 1)
        return earlier if self.fresh is None else torch.where(self.fresh, self.start[:, None], earlier)

    def after(self, before: Float[Tensor, "B T M"]) -> Float[Tensor, "B T M"]:
        """The memory after each step that begins with these."""
        after = rows(self.advance(self.p, self.tree(before.flatten(0, 1)))).view_as(before)
        return after if self.real is None else torch.where(self.real, after, before)

    def learn(self) -> bool:
        """Whether anything that f sees has a gradient: one step says it."""
        p, memory = (map_state(lambda x: x[:1], tree) for tree in (self.p, self.like))
        after = rows(self.advance(p, memory))
        return after.requires_grad or (self.fresh is not None and self.start.requires_grad)

    def tree(self, flat: Float[Tensor, "N M"]) -> Any:
        """Rows as memories, each part in its own shape and type."""
        shapes = [torch.view_as_real(part).shape if part.is_complex() else part.shape for part in self.parts]
        pieces = flat.split([shape[1:].numel() for shape in shapes], 1)
        whole = (piece.reshape(len(flat), *shape[1:]) for piece, shape in zip(pieces, shapes))
        return refill(self.like, [(torch.complex(*x.unbind(-1)) if part.is_complex() else x).to(part.dtype)
                                  for x, part in zip(whole, self.parts)])


class Linearised:
    """f around a trajectory: `after`, and its derivative in what each step begins with (none across a new start)."""

    def __init__(self, steps: Steps, every: Float[Tensor, "B T M"]):
        before = steps.before(every)
        self.before = before if before.requires_grad else before.requires_grad_()
        self.after, self.fresh = steps.after(self.before), steps.fresh

    def pull(self, v: Float[Tensor, "B T M"]) -> Float[Tensor, "B T M"]:
        """J_t' v_t at every step: one pass back through one step."""
        if not self.after.requires_grad:
            return torch.zeros_like(v)
        pulled, = torch.autograd.grad(
            self.after, self.before, v, retain_graph=True, allow_unused=True, materialize_grads=True)
        return pulled if self.fresh is None else pulled.masked_fill(self.fresh, 0)

    def jacobian(self, kind: str) -> Float[Tensor, "B T M M"] | Float[Tensor, "B T M"]:
        """J_t of every step: all of it, its diagonal, or the sums of its columns."""
        if kind == "elementwise":
            return self.pull(torch.ones_like(self.after))
        B, T, M = self.after.shape
        found = self.after.new_empty(B, T, M, M) if kind == "full" else self.after.new_empty(B, T, M)
        for i in range(M):
            unit = torch.zeros_like(self.after)
            unit[..., i] = 1
            row = self.pull(unit)
            found[:, :, i] = row if kind == "full" else row[..., i]
        return found


def rows(tree: Any) -> Float[Tensor, "N M"]:
    """A tree of (N ...) as one matrix of real numbers, in float32 at least: what is solved for, however f rounds."""
    parts = [torch.view_as_real(x) if x.is_complex() else x for _, x in named_tensors(tree)]
    if not all(x.is_floating_point() for x in parts):
        kinds = sorted({str(x.dtype) for x in parts if not x.is_floating_point()})
        raise InputError(f"newton_scan: a memory of {', '.join(kinds)} has no derivative; give floating-point numbers, "
                         "or use unroll")
    flat = torch.cat([x.reshape(len(x), -1) for x in parts], 1)
    return flat.to(torch.promote_types(flat.dtype, torch.float32))


def _widened(x: Tensor, parts: list[Tensor]) -> Tensor:
    """What autocast rounded, in the precision of the memory again: it is not at work while we solve."""
    return x.to(torch.promote_types(x.dtype, parts[0].real.dtype)) if x.is_floating_point() else x
