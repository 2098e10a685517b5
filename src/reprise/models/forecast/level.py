"""Where a series has been of late: a running mean and deviation, carried, for models to read the series relative to.

What instance normalisation (Kim et al. 2022, RevIN) takes from a window is taken here from the past alone, so that a
step costs a step and every origin of a series has its own.
"""
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from reprise.core.errors import InputError
from reprise.core.marks import NO_MARKS, Marks
from reprise.ops.linear_scan import linear_scan

__all__ = ["Level", "Running"]

PRIOR = 1.0  # steps that the deviation of a standardised series, 1, counts for beside what has been seen


class Running(NamedTuple):
    """Sums that forget: of the values, of one for each, of squares around the mean."""

    total: Float[Tensor, "B D"]
    weight: Float[Tensor, "B D"]
    squares: Float[Tensor, "B D"]


class Level(nn.Module):
    """m_t and s_t: mean and deviation of the values up to step t, those k steps back weighing (1 - 1/memory)^k.

    memory: steps; None forgets nothing.   scaled: whether s_t is measured, else it is 1.
    m_t is the mean of all values as long as memory is far longer than what was seen. s_t leans on 1, the deviation of
    a standardised series, as if that were one step more.
    Shapes   y (B T D) -> m, s (B T D)
    """

    def __init__(self, memory: float | None = None, scaled: bool = True):
        super().__init__()
        if memory is not None and not memory > 1:
            raise InputError(f"Level: expected a memory of more than 1 step, got {memory}; None forgets nothing")
        self.keep = 1.0 if memory is None else 1 - 1 / memory
        self.scaled = scaled

    def initial_state(self, batch: int, width: int, like: Tensor) -> Running:
        return Running(*(like.new_zeros(batch, width) for _ in Running._fields))

    def forward(
        self, y: Float[Tensor, "B T D"], state: Running, marks: Marks = NO_MARKS,
    ) -> tuple[Float[Tensor, "B T D"], Float[Tensor, "B T D"], Running]:
        keep = y.new_full(y.shape, self.keep)
        total, last_total = linear_scan(keep, y, state.total, marks)
        weight, last_weight = linear_scan(keep, y.new_ones(y.shape), state.weight, marks)
        mean = total / weight.clamp_min(1.0)
        if not self.scaled:
            return mean, y.new_ones(y.shape), Running(last_total, last_weight, state.squares)
        before = torch.cat([_mean(state)[:, None], mean[:, :-1]], 1) if y.shape[1] else mean
        squares, last_squares = linear_scan(keep, (y - before) * (y - mean), state.squares, marks)
        deviation = ((squares + PRIOR) / (weight + PRIOR)).sqrt()
        return mean, deviation, Running(last_total, last_weight, last_squares)

    def last(self, state: Running) -> tuple[Float[Tensor, "B D"], Float[Tensor, "B D"]]:
        """m and s at the last step that was read."""
        mean = _mean(state)
        if not self.scaled:
            return mean, mean.new_ones(mean.shape)
        return mean, ((state.squares + PRIOR) / (state.weight + PRIOR)).sqrt()


def _mean(state: Running) -> Tensor:
    return state.total / state.weight.clamp_min(1.0)
