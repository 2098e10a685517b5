"""Whether small differences grow: the largest Lyapunov exponent of a cell that is driven by its input."""
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from reprise.bases.cell import Cell
from reprise.core.errors import InputError
from reprise.core.marks import NO_MARKS
from reprise.core.state import map_state
from reprise.ops.newton_scan.linearised import Linearised, Steps, rows
from reprise.ops.unroll import unroll

__all__ = ["largest_exponent"]


def largest_exponent(
    cell: Cell, x: Float[Tensor, "B T D"], state: Any = None, *, settle: int = 0, seed: int = 0
) -> Float[Tensor, "B"]:
    """The mean growth, in nats a step, of a small difference in the memory, along the path that each row takes.

        v_t = J_t v_{t-1} / |J_t v_{t-1}|,   J_t = dm_t / dm_{t-1};   exponent = mean of log |J_t v_{t-1}|

    Above zero the cell is chaotic: what it remembers of two nearly equal pasts comes apart; below, it forgets where it
    began. settle: first steps that are not counted, in which the difference turns to where it grows most. The first
    difference is random, by seed. Minus infinity where the memory does not depend on the last at all. It takes M^2
    numbers a step for a memory of M. Raises InputError for a layer that is no cell, and where no step is left to count.

    Source  Benettin et al. 1980, Meccanica 15(1)   (benettin1980lyapunov)
    """
    if not isinstance(cell, Cell):
        raise InputError(f"largest_exponent: expected a Cell, such as gru or lstm, got {type(cell).__name__}")
    if not 0 <= settle < x.shape[1]:
        raise InputError(f"largest_exponent: {x.shape[1]} steps of which settle={settle} are not counted leave none")
    state = cell.initial_state(len(x)) if state is None else state
    J = _jacobians(cell, x, state)
    v = torch.randn(J.shape[0], J.shape[2], generator=torch.Generator().manual_seed(seed)).to(J)
    v = v / v.norm(dim=1, keepdim=True)
    grown = v.new_zeros(len(v))
    for t, J_t in enumerate(J.unbind(1)):
        v = (J_t @ v[..., None])[..., 0]
        size = v.norm(dim=1)
        v = v / torch.where(size > 0, size, 1)[:, None]
        if t >= settle:
            grown = grown + size.log()
    return grown / (x.shape[1] - settle)


def _jacobians(cell: Cell, x: Tensor, state: Any) -> Float[Tensor, "B T M M"]:
    """Of every step, in the memory as one vector of real numbers."""
    with torch.no_grad():
        p = cell.project(*cell.look_back(x, state, NO_MARKS)[0])
        start = cell.initial_memory(1)
        every, _ = unroll(cell.advance, p, state.memory, start=start)
        flat = rows(map_state(lambda m: m.flatten(0, 1), every)).unflatten(0, x.shape[:2])
    with torch.enable_grad():
        return Linearised(Steps(cell.advance, p, state.memory, NO_MARKS, start), flat).jacobian("full").detach()
