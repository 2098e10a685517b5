from math import sqrt
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from reprise.bases.cell import Cell
from reprise.core.errors import InputError

__all__ = ["LEM"]


class Memory(NamedTuple):
    y: Float[Tensor, "B D"]
    z: Float[Tensor, "B D"]


class LEM(Cell):
    """LEM: two coupled memories, each with a step size of its own at every step.

        a = dt sigmoid(W1 y_{t-1} + V1 x_t + b1);   c = dt sigmoid(W2 y_{t-1} + V2 x_t + b2)
        z_t = (1 - a) z_{t-1} + a tanh(Wz y_{t-1} + Vz x_t + bz)
        y_t = (1 - c) y_{t-1} + c tanh(Wy z_t + Vy x_t + by)

    Shapes   x (B T D) -> y (B T D);  memory y, z (B D) each
    Cost     16 T D^2 work, T depth
    Source   Rusch et al. 2021, arXiv:2110.04744, eq. 3; tk-rusch/LEM   (rusch2021long)
    Differs  one bias a map, where the authors' code adds that of x and that of the memory
    """

    def __init__(self, width: int, dt: float = 1.0):
        if not 0 < dt <= 1:
            raise InputError(f"LEM: expected dt in (0, 1], got {dt}; try dt=1.0")
        super().__init__(width, (2, width))
        self.dt = dt
        self.from_x = nn.Linear(width, 4 * width)
        self.from_y = nn.Linear(width, 3 * width, bias=False)
        self.from_z = nn.Linear(width, width, bias=False)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -1 / sqrt(width), 1 / sqrt(width))

    def project(self, x):
        return self.from_x(x)

    def advance(self, p, memory):
        for_first, for_y = p.split([3 * self.width, self.width], -1)
        a, c, new = (for_first + self.from_y(memory.y)).chunk(3, -1)
        z = memory.z + self.dt * torch.sigmoid(a) * (torch.tanh(new) - memory.z)
        y = memory.y + self.dt * torch.sigmoid(c) * (torch.tanh(self.from_z(z) + for_y) - memory.y)
        return Memory(y, z)

    def emit(self, memory):
        return memory.y

    def initial_memory(self, batch):
        return Memory(*super().initial_memory(batch).unbind(1))
