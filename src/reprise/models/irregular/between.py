"""What happens to the memory of a cell between two events."""
from abc import abstractmethod
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from reprise.bases.cell import Cell
from reprise.bases.recurrent import Recurrent
from reprise.bases.timed import ELAPSED
from reprise.core.errors import InputError, check_counts
from reprise.core.state import map_state
from reprise.ops.unroll import unroll

__all__ = ["GAPS", "Aged", "Between", "Decay", "Euler"]

GAPS = "gaps"  # under which layers are told, beside x, how long each channel was not seen: (B T C)


class Between(nn.Module):
    """A map of the memory by what it is told of the time before an event."""

    hears: ClassVar[str]

    @abstractmethod
    def forward(self, h: Tensor, told: Tensor) -> Tensor:
        """h (B N) when the event comes; `told` (B ...) is what `hears` names, of this event."""


class Decay(Between):
    """h <- exp(-max(0, W gaps + b)) h: GRU-D's (Che et al. 2016, arXiv:1606.01865, eq. 10; che2018recurrent)."""

    hears = GAPS

    def __init__(self, channels: int, width: int):
        super().__init__()
        self.rate = nn.Linear(channels, width)

    def forward(self, h, told):
        return torch.exp(-torch.relu(self.rate(told))) * h


class Euler(Between):
    """h' = V tanh(W h + b) + c, by steps of Euler: the flow of ODE-RNN (Rubanova et al. 2019, arXiv:1907.03907).

    steps: in each gap, however long; the paper's solver chooses them by an error.
    """

    hears = ELAPSED

    def __init__(self, width: int, hidden: int | None = None, steps: int = 2):
        super().__init__()
        check_counts("Euler", width=width, hidden=hidden, steps=steps)
        hidden = width if hidden is None else hidden
        self.flow = nn.Sequential(nn.Linear(width, hidden), nn.Tanh(), nn.Linear(hidden, width))
        self.steps = steps

    def forward(self, h, told):
        length = told[:, None] / self.steps
        for _ in range(self.steps):
            h = h + length * self.flow(h)
        return h


class Aged(Recurrent):
    """A cell whose memory ages between events, which it is told of beside x; told nothing, it is the cell.

        h <- between(h_{t-1}, time before t);   h_t = advance(x_t, h)

    ahead: the other way round, for answers about the next event: what it is told is the time until that, and
    h_t = between(advance(x_t, h_{t-1}), time after t). Every part of a memory of several ages alike.
    Raises InputError for what is no cell, or looks back by itself.
    """

    memory_precision = None

    def __init__(self, inner: Cell, between: Between, *, ahead: bool = False):
        if not isinstance(inner, Cell) or inner.local is not None:
            raise InputError(f"Aged: expected a cell, such as gru or lstm, got {type(inner).__name__}; a linear layer "
                             "is told its time by itself, if it can be: s5")
        super().__init__(inner.width, inner.memory_shape)
        self.inner, self.between, self.ahead = inner, between, ahead

    def initial_memory(self, batch):
        return self.inner.initial_memory(batch)

    def project(self, x):
        return self.inner.project(x)

    def recur(self, p, memory, marks):
        return self.inner.recur(p, memory, marks)

    def readout(self, read, x):
        return self.inner.readout(read, x)

    def run_beside(self, x, state, marks, beside):
        if self.between.hears not in beside:
            return *self.run(x, state, marks), beside
        p = self.project(x), beside[self.between.hears]
        read, memory = unroll(self._age_and_advance, p, state.memory, marks, start=self.initial_memory(1),
                              emit=self.inner.emit)
        return self.readout(read, x), state._replace(memory=memory), beside

    def _age_and_advance(self, p: Any, memory: Any) -> Any:
        drive, told = p
        if self.ahead:
            return self._age(self.inner.advance(drive, memory), told)
        return self.inner.advance(drive, self._age(memory, told))

    def _age(self, memory: Any, told: Tensor) -> Any:
        return map_state(lambda h: self.between(h, told), memory)
