"""Nonlinear recurrence: the next memory is any function of the last."""
from abc import abstractmethod
from typing import Any

from reprise.bases.recurrent import Recurrent
from reprise.ops.unroll import unroll

__all__ = ["Cell"]


class Cell(Recurrent):
    """The author writes `advance`, and in `project` whatever part of the work needs no memory.

    A cell with a fused operation of its own overrides `recur` to call it; `advance` stays its definition.
    """

    memory_precision = None  # parameters multiply the memory, so it has theirs

    def project(self, *seen):
        return seen[-1]

    @abstractmethod
    def advance(self, p: Any, memory: Any) -> Any:
        """The memory one step later; `p` is what `project` gave for this step."""

    def emit(self, memory: Any) -> Any:
        """The part of the memory that `readout` reads, kept for every step: all of it, unless it is large."""
        return memory

    def recur(self, p, memory, marks):
        return unroll(self.advance, p, memory, marks, start=self.initial_memory(1), emit=self.emit)
