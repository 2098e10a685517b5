"""A cell over all steps at once, from a trajectory that is known already, and with a report: what a `solver` hides."""
from typing import Any, NamedTuple

from jaxtyping import Float
from torch import Tensor

from reprise.bases.cell import Cell
from reprise.core.errors import InputError
from reprise.core.marks import NO_MARKS
from reprise.core.state import map_state
from reprise.ops.newton_scan import Convergence, Newton, newton_scan

__all__ = ["Solved", "solve"]

FULL = Newton()


class Solved(NamedTuple):
    """What a cell gave, and how it was found."""

    y: Float[Tensor, "B T D"]
    state: Any  # after the last step
    trajectory: Any  # the memory after every step, a tree of (B T ...)
    convergence: Convergence


def solve(
    cell: Cell, x: Float[Tensor, "B T D"], state: Any = None, *, newton: Newton = FULL, guess: Any = None
) -> Solved:
    """`cell(x, state)` by Newton's iteration on its step (ops/newton_scan), whatever its own solver.

    guess: `trajectory` of the same sequences as it was some updates ago, from which fewer iterations are left to do;
    without one, the first memory everywhere. Gradients are those of the solution: they do not depend on where it began.
    Raises InputError for a layer that is no cell, for one that finds more than its step over time, as sru does, and
    for a guess of other rows or steps.

    Source  Lim et al. 2023, arXiv:2309.12252, sec. 3   (lim2023parallelizing)
    """
    if not isinstance(cell, Cell):
        raise InputError(f"solve: expected a Cell, such as gru, lstm or lem, got {type(cell).__name__}; "
                         "a linear recurrence is parallel over time as it is")
    if type(cell).through_time is not Cell.through_time:
        raise InputError(f"solve: {type(cell).__name__} reads more over time than its memory, which its step alone "
                         "does not give; give the layer itself a solver='newton'")
    state = cell.initial_state(len(x)) if state is None else state
    seen, local = cell.look_back(x, state, NO_MARKS)
    if guess is not None:
        map_state(lambda m: _fits(m, x), guess)
    every, memory, found = newton_scan(cell.advance, cell.project(*seen), state.memory, start=cell.initial_memory(1),
                                       newton=newton, guess=guess)
    read = cell.emit(map_state(lambda m: m.flatten(0, 1), every))
    read = map_state(lambda r: r if r.is_complex() else r.to(x.dtype), read)  # as `carry_on` has it
    read = map_state(lambda r: r.unflatten(0, x.shape[:2]), read)
    return Solved(cell.readout(read, *seen), type(state)(local, memory), map_state(Tensor.detach, every), found)


def _fits(memory: Tensor, x: Tensor) -> Tensor:
    if memory.shape[:2] != x.shape[:2]:
        raise InputError(f"solve: a guess of {tuple(memory.shape[:2])} rows and steps for x of {tuple(x.shape[:2])}; "
                         "give the trajectory of the same sequences")
    return memory
