"""The template of every recurrent layer: look back a little, project, recur, read out."""
from abc import abstractmethod
from itertools import chain
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor

from reprise.bases.stepping import Stepping
from reprise.core.errors import check_counts
from reprise.core.layer import SequenceLayer
from reprise.core.marks import Marks
from reprise.core.state import map_state

__all__ = ["Recurrent", "State"]


class State(NamedTuple):
    local: Any  # state of the local mixer, () without one
    memory: Any  # what the recurrence carries: a tensor, or a NamedTuple of them


class Recurrent(Stepping[State]):
    """A layer is four parts, and only the first and third meet time:

        u = local(x);   p = project(x, u);   r = recur(p, memory);   y = readout(r, x, u)

    `local` is a layer that looks a few steps back (short convolution, token shift); without one, `project` and
    `readout` take no u. `recur` belongs to the family: it hands `marks` to its operation, which honours them.
    """

    local: SequenceLayer | None
    memory_precision: ClassVar[torch.dtype | None] = torch.float32  # at least this; None: the parameters' own

    def __init__(self, width: int, memory_shape: tuple[int, ...]):
        super().__init__()
        check_counts(type(self).__name__, width=width)
        self.width, self.memory_shape, self.local = width, memory_shape, None

    @abstractmethod
    def project(self, *seen: Tensor) -> Any:
        """Everything that needs no state, for all steps at once."""

    @abstractmethod
    def recur(self, p: Any, memory: Any, marks: Marks) -> tuple[Any, Any]:
        """What is read at every step, and the memory after the last."""

    def through_time(self, p: Any, memory: Any, marks: Marks) -> tuple[Any, Any]:
        """`recur`, unless the family has another way to the same."""
        return self.recur(p, memory, marks)

    def readout(self, read: Any, *seen: Tensor) -> Tensor:
        return read

    def initial_memory(self, batch: int) -> Any:
        like = next(chain(self.parameters(), self.buffers()))
        dtype = like.dtype if self.memory_precision is None else torch.promote_types(like.dtype, self.memory_precision)
        return like.new_zeros(batch, *self.memory_shape, dtype=dtype)

    def initial_state(self, batch):
        return State(self.local.initial_state(batch) if self.local is not None else (), self.initial_memory(batch))

    def run(self, x, state, marks):
        seen, local = self.look_back(x, state, marks)
        return self.carry_on(self.project(*seen), seen, State(local, state.memory), marks)

    def look_back(self, x: Tensor, state: State, marks: Marks) -> tuple[tuple[Tensor, ...], Any]:
        """What `project` and `readout` are given, and the state of `local` after it."""
        if self.local is None:
            return (x,), ()
        u, local = self.local.run(x, state.local, marks)
        return (x, u), local

    def carry_on(self, p: Any, seen: tuple[Tensor, ...], state: State, marks: Marks) -> tuple[Tensor, State]:
        """The rest of `run`, from what `project` gave and a state whose local part is done."""
        read, memory = self.through_time(p, state.memory, marks)
        read = map_state(lambda r: r if r.is_complex() else r.to(seen[0].dtype), read)
        return self.readout(read, *seen), State(state.local, memory)
