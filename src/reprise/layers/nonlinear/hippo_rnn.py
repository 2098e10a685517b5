import math
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from reprise.bases.cell import Cell
from reprise.core.errors import check_counts
from reprise.layers.linear.state_space._hippo import legs_triangle
from reprise.ops.triangular_scan.reference import advance

__all__ = ["HippoRNN"]


class Memory(NamedTuple):
    h: Float[Tensor, "B D"]
    c: Float[Tensor, "B 1 N"]  # float32 at least
    position: Int[Tensor, "B"]  # steps of its own sequence that a row has seen


class HippoRNN(Cell):
    """HiPPO-RNN: a gated cell that reads its own past, kept as the best polynomial to one number that it says.

        g, n = sigmoid(W z + b), tanh(V z + d),  z = [h_{k-1}, x_k, c_{k-1}];   h_k = (1 - g) h_{k-1} + g n
        f = w h_k + e;   (1 + A / 2k) c_k = (1 - A / 2k) c_{k-1} + B f / k, A and B of HiPPO-LegS;   y_k = h_k

    Shapes   x (B T D) -> y (B T D);  memory h (B D), c (B 1 N), position (B)
    Cost     4 T D (2 D + N) + 3 T N log N work, T depth; it holds B T N log N numbers
    Source   Gu et al. 2020, arXiv:2008.07669, sec. 2.4, 3, app. F.1   (gu2020hippo)
    Differs  none; the cell is the paper's: one gate, which does not reset
    """

    def __init__(self, width: int, states: int | None = None):
        check_counts("HippoRNN", width=width, states=states)
        states = width if states is None else states
        super().__init__(width, (width,))
        self.states = states
        self.from_x = nn.Linear(width, 2 * width)
        self.from_memory = nn.Linear(width + states, 2 * width, bias=False)
        self.say = nn.Linear(width, 1)
        for weight in (self.from_x.weight, self.from_memory.weight):
            nn.init.uniform_(weight, -1 / math.sqrt(width + states), 1 / math.sqrt(width + states))

    def initial_memory(self, batch):
        h = super().initial_memory(batch)
        c = h.new_zeros(batch, 1, self.states, dtype=torch.promote_types(h.dtype, torch.float32))
        return Memory(h, c, h.new_zeros(batch, dtype=torch.int64))

    def project(self, x):
        return self.from_x(x)

    def advance(self, p, memory):
        h, c, position = memory
        g, n = (p + self.from_memory(torch.cat([h, c[:, 0].to(h.dtype)], -1))).chunk(2, -1)
        h = h + torch.sigmoid(g) * (torch.tanh(n) - h)
        f, half = self.say(h).to(c.dtype), 0.5 / (position + 1).to(c.dtype)
        return Memory(h, advance(f, half, legs_triangle(c), c), position + 1)

    def emit(self, memory):
        return memory.h
