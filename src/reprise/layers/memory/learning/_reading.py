"""Recurrences in which what is read at a step is no part of the memory after it."""
from collections.abc import Callable
from typing import Any

from reprise.core.marks import Marks
from reprise.core.state import map_state
from reprise.ops.unroll import unroll

__all__ = ["unroll_reads"]


def unroll_reads(
    advance: Callable[[Any, Any], tuple[Any, Any]], p: Any, memory: Any, marks: Marks, *, start: Any, blank: Any,
) -> tuple[Any, Any]:
    """`unroll` of read_t, m_t = advance(p_t, m_{t-1}): what was read at every step (B T ...), and the last memory.

    start: the memory (1 ...) a fresh sequence begins with.   blank: a read (B ...) that nobody will see.
    """
    nothing = map_state(lambda z: z[:1], blank)
    reads, (_, memory) = unroll(
        lambda p_t, carried: advance(p_t, carried[1]), p, (blank, memory), marks, start=(nothing, start),
        emit=lambda carried: carried[0])
    return reads, memory
