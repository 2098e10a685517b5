from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from reprise.layers.linear.state_space._hippo import legendre, legs_triangle
from reprise.layers.linear.state_space._polynomial import PolynomialMemory
from reprise.ops.triangular_scan import Triangle, triangular_scan

__all__ = ["HippoLegS"]


class Memory(NamedTuple):
    c: Float[Tensor, "B D N"]
    position: Int[Tensor, "B"]  # steps of its own sequence that a row has seen


class HippoLegS(PolynomialMemory):
    """HiPPO-LegS: the best polynomial to all that each feature was since the start, all counting the same.

        (1 + A / 2k) c_k = (1 - A / 2k) c_{k-1} + B x_k / k, k = 1, 2, ...;   y_k = O (sum_n C_n c_n) + b
        A_nm = p_n q_m if n > m, a_n if n = m, else 0;   p_n = q_n = B_n = sqrt(2n + 1);   a_n = n + 1

    Shapes   x (B T D) -> y (B T D);  memory c (B D N), position (B)
    Cost     10 T D N + 2 T D^2 work, N log T depth: degree after degree, each a scan; it holds B T D N numbers
    Source   Gu et al. 2020, arXiv:2008.07669, sec. 3, app. D.3, E   (gu2020hippo)
    Differs  one memory for each feature, read out by a trained map, where the paper's network drives a single one; if
             `trained`, p, q, a and B are, so that A remains triangular. `reconstruct` holds the value at a row's start
             for all that lies before it
    """

    def __init__(self, width: int, states: int = 32, trained: bool = False):
        super().__init__(width, states)
        self.recurrent_parameters = ("p", "q", "a", "B") if trained else ()
        start = legs_triangle(self.C)
        self.p, self.q, self.a, self.B = (nn.Parameter(z.clone()) if trained else None for z in start)

    def recur(self, x, memory, marks):
        c, position = memory
        before, seen = marks.positions(position, x.shape[1])
        system = legs_triangle(c) if self.a is None else Triangle(self.p, self.q, self.a, self.B)
        every, c = triangular_scan(x, 0.5 / (before + 1).to(c.dtype), system, c, marks)
        return every, Memory(c, seen)

    def initial_memory(self, batch):
        c = super().initial_memory(batch)
        return Memory(c, torch.zeros(batch, dtype=torch.int64, device=c.device))

    def coefficients(self, memory):
        return memory.c

    def basis(self, memory, ago):
        """Before a row's own start, for which the polynomial does not stand, it holds its value at the start."""
        since_start = 1 - ago / memory.position.clamp(min=1)[:, None]
        return legendre(since_start.clamp(min=0), self.memory_shape[1])
