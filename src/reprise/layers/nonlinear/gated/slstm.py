import math
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import layer_norm, silu

from reprise.bases.cell import Cell
from reprise.core.errors import InputError, check_counts
from reprise.layers.convolution._depthwise import Depthwise
from reprise.ops.slstm import nothing, reference, slstm

__all__ = ["SLSTM"]


class SLSTM(Cell):
    """sLSTM: xLSTM's scalar memory, a running average that exponential gates weigh, in heads.

        u = silu(conv x);   i, f = W u_t + U h_{t-1} + b;   z, o = V x_t + Q h_{t-1} + d
        m_t = max(log sigmoid(f) + m_{t-1}, i);   a = exp(log sigmoid(f) + m_{t-1} - m_t);   e = exp(i - m_t)
        c_t = a c_{t-1} + e tanh(z);   n_t = a n_{t-1} + e;   h_t = sigmoid(o) c_t / n_t;   y_t = g norm(h_t) by head

    All matrices are block-diagonal, a block a head. m only keeps c and n in range.

    Shapes   x (B T D) -> y (B T D);  memory h, c, n, m (B D), local: the last three x (B 3 D)
    Cost     16 T D^2 / H work, T depth
    Source   Beck et al. 2024, arXiv:2405.04517, sec. 2.2, app. A.2; NX-AI/xlstm   (beck2024xlstm)
    Differs  as the authors' code, which has the sigmoid for a forget gate where the paper allows exp too, recurrent
             matrices that start at zero, and forget biases that fall from 5 to -7 within a head, by a power of the
             unit's place that grows with the layer's; a head of one unit starts with 5. Before the first step m is
             minus infinity, where that code asks whether every n of the batch is zero. Four heads; two or one where
             they would not divide D or have fewer than four units, of which the norm leaves little, and of one nothing
    """

    memory_precision = torch.float32  # c and n are sums over all the past
    undecayed_parameters = ("bias",)
    excused: ClassVar = {"everything_learns": "recurrent matrices start at zero, so that the last h has no say"}

    def __init__(self, width: int, heads: int | None = None, kernel_size: int = 4):
        check_counts("SLSTM", width=width, heads=heads, kernel_size=kernel_size)
        H = paper_heads(width) if heads is None else heads
        if width % H:
            near = max(h for h in range(1, H) if width % h == 0)
            raise InputError(f"SLSTM: width={width} is not divisible by heads={H}; try heads={near}")
        super().__init__(width, (width,))
        self.heads = H
        size, deviation = width // H, math.sqrt(2 / (5 * width))
        self.local = Depthwise(width, kernel_size)
        self.from_u = nn.Parameter(deviation * torch.randn(2, H, size, size))  # i, f
        self.from_x = nn.Parameter(deviation * torch.randn(2, H, size, size))  # z, o
        self.from_h = nn.Parameter(torch.zeros(H, 4 * size, size))
        self.bias = nn.Parameter(torch.zeros(4, width))
        self.gain = nn.Parameter(torch.ones(width))
        self.placed(0, 1)

    @torch.no_grad()
    def placed(self, index: int, depth: int) -> None:
        """The deeper the layer, the more of its units remember for long."""
        place = torch.linspace(0, 1, self.width // self.heads)
        power = 0.3 + 1.3 * index / max(depth - 1, 1)
        self.bias[1] = (5 - 12 * place**power).repeat(self.heads)

    def initial_memory(self, batch):
        return nothing(super().initial_memory(batch))

    def project(self, x, u):
        i_f, z_o = self.by_head(silu(u), self.from_u), self.by_head(x, self.from_x)
        return torch.cat([i_f, z_o], -1) + self.bias.flatten()

    def by_head(self, x: Float[Tensor, "B T D"], weight: Float[Tensor, "g H K K"]) -> Float[Tensor, "B T G"]:
        return torch.einsum("bthk,ghjk->btghj", x.unflatten(-1, (self.heads, -1)), weight).flatten(2)

    def advance(self, p, memory):
        return reference.advance(p, memory, self.from_h.to(memory.h.dtype))

    def emit(self, memory):
        return memory.h

    def recur(self, p, memory, marks):
        return slstm(p, self.from_h, memory, marks)

    def readout(self, h, x, u):
        by_head = h.unflatten(-1, (self.heads, -1))
        return layer_norm(by_head, by_head.shape[-1:]).flatten(-2) * self.gain


def paper_heads(width: int) -> int:
    """The paper's four where they fit."""
    return next((heads for heads in (4, 2) if width % heads == 0 and width >= 4 * heads), 1)
