"""Networks in continuous time that their input drives, which is held from one event to the next: for comparison."""
from abc import abstractmethod
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from reprise.bases.cell import Cell
from reprise.bases.timed import Timed
from reprise.core.errors import check_counts

__all__ = ["CTRNN", "DrivenODE"]


class Held(NamedTuple):
    drive: Float[Tensor, "*B D"]
    length: Float[Tensor, "*B 1"]  # of the step


class Driven(Cell, Timed):
    """h' = flow(h, x), by `substeps` steps of Euler in the time of each step, x held; y = h."""

    def __init__(self, width: int, substeps: int = 6):
        check_counts(type(self).__name__, width=width, substeps=substeps)
        super().__init__(width, (width,))
        self.substeps = substeps
        self.from_x, self.from_h = nn.Linear(width, width), nn.Linear(width, width, bias=False)

    @abstractmethod
    def flow(self, h: Float[Tensor, "B D"], drive: Float[Tensor, "B D"]) -> Float[Tensor, "B D"]:
        """What h changes by, a unit of time."""

    def project(self, x):
        return self.project_over(x, torch.ones_like(x[..., 0]))

    def project_over(self, x, elapsed):
        return Held(self.from_x(x), elapsed[..., None])

    def advance(self, p, memory):
        length = p.length / self.substeps
        for _ in range(self.substeps):
            memory = memory + length * self.flow(memory, p.drive)
        return memory


class CTRNN(Driven):
    """CT-RNN: h' = tanh(W h + U x + b) - h / tau, tau learned of each unit, from 1 (Funahashi & Nakamura 1993)."""

    def __init__(self, width: int, substeps: int = 6):
        super().__init__(width, substeps)
        self.log_tau = nn.Parameter(torch.zeros(width))

    def flow(self, h, drive):
        return torch.tanh(self.from_h(h) + drive) - h * torch.exp(-self.log_tau)


class DrivenODE(Driven):
    """A neural ODE with an input: h' = tanh(W h + U x + b) (Chen et al. 2018, arXiv:1806.07366; chen2018neural)."""

    def flow(self, h, drive):
        return torch.tanh(self.from_h(h) + drive)
