from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from reprise.layers.nonlinear.odyssey._block import LSTMBlock

__all__ = ["LSTMFGR"]


class Memory(NamedTuple):
    h: Float[Tensor, "B D"]
    c: Float[Tensor, "B D"]
    gates: Float[Tensor, "B G"]  # i, f, o of the last step


class LSTMFGR(LSTMBlock):
    """FGR: the LSTM with peepholes whose gates see all gates of the step before (full gate recurrence).

        i, f = sigmoid(W x_t + b + U h_{t-1} + R [i, f, o]_{t-1} + p c_{t-1});   g = tanh(V x_t + d + Q h_{t-1})
        c_t = f c_{t-1} + i g
        o = sigmoid(W x_t + b + U h_{t-1} + R [i, f, o]_{t-1} + p c_t);   h_t = o tanh(c_t);   y_t = h_t

    Shapes   x (B T D) -> y (B T D);  memory h, c (B D), the last gates i, f, o (B 3D)
    Cost     34 T D^2 work, T depth
    Source   Greff et al. 2015, arXiv:1503.04069, its variant FGR   (greff2015lstm)
    Differs  none; before the first step all gates are zero
    """

    def __init__(self, width: int):
        super().__init__(width)
        self.from_gates = nn.Linear(3 * width, 3 * width, bias=False)
        nn.init.normal_(self.from_gates.weight, std=0.1)

    def initial_memory(self, batch):
        h, c = super().initial_memory(batch)
        return Memory(h, c, torch.cat([h, h, h], -1))

    def advance(self, p, memory):
        sums = self.named(p + self.from_h(memory.h))
        for name, more in zip("ifo", self.from_gates(memory.gates).chunk(3, -1), strict=True):
            sums[name] = sums[name] + more
        gates, (h, c) = self.fill(sums, memory.c)
        return Memory(h, c, torch.cat(gates, -1))
