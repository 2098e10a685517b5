"""m_t = advance(p_t, m_{t-1}), a loop."""
from collections.abc import Callable
from itertools import repeat
from typing import Any

import torch
from torch import Tensor

from reprise.core.marks import NO_MARKS, Marks, over
from reprise.core.state import map_state, steps

__all__ = ["unroll"]


def unroll(
    advance: Callable[[Any, Any], Any], p: Any, memory: Any, marks: Marks = NO_MARKS, *, start: Any,
    emit: Callable[[Any], Any] = lambda memory: memory,
) -> tuple[Any, Any]:
    """What `emit` keeps of the memory at every step (B T ...), and the last memory.

    p: tree of (B T ...), what each step is given.   start: the memory (1 ...) a fresh sequence begins with.
    """
    every = []
    masks = (repeat(None) if m is None else m.unbind(1) for m in marks)
    for p_t, real, fresh in zip(steps(p), *masks, strict=False):
        after = advance(p_t, _where(fresh, start, memory))
        memory = after if real is None else _where(real, after, memory)
        every.append(emit(memory))
    if not every:
        return map_state(lambda m: m[:, None][:, :0], emit(memory)), memory
    return map_state(lambda *m: torch.stack(m, 1), *every), memory


def _where(mask: Tensor | None, yes: Any, no: Any) -> Any:
    return no if mask is None else map_state(lambda y, n: torch.where(over(mask, n), y, n), yes, no)
