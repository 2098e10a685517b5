from math import sqrt

import torch
from torch import nn

from reprise.bases.cell import Cell
from reprise.core.errors import InputError, check_counts

__all__ = ["CfC"]


class CfC(Cell):
    """CfC: the closed form of a liquid time constant: between two heads, a gate that knows how much time has passed.

        u = 1.7159 tanh(0.666 (W [x_t; h_{t-1}] + b)), further such layers if `layers` is above 1
        f, g = tanh(F u + p), tanh(G u + q);   s = sigmoid((A u + a) elapsed + (C u + c))
        h_t = (1 - s) f + s g;   y_t = h_t

    Shapes   x (B T D) -> y (B T D);  memory h (B D)
    Cost     12 T D U work with one layer of U units, T depth
    Source   Hasani et al. 2022, arXiv:2106.13898; mlech26l/ncps, default mode   (hasani2022closed)
    Differs  the time between steps is one number, `elapsed`, not an input; the sigmoid's argument has the sign of the
             code, opposite to the paper's, which only renames f and g
    """

    def __init__(self, width: int, units: int = 128, layers: int = 1, elapsed: float = 1.0):
        check_counts("CfC", width=width, units=units, layers=layers)
        if not elapsed > 0:
            raise InputError(f"CfC: expected elapsed above 0, got {elapsed}; try elapsed=1.0")
        super().__init__(width, (width,))
        self.elapsed = elapsed
        self.from_x = nn.Linear(width, units)
        self.from_h = nn.Linear(width, units, bias=False)
        self.deeper = nn.ModuleList(nn.Linear(units, units) for _ in range(layers - 1))
        self.heads = nn.Linear(units, 4 * width)  # f, g, A, C
        self._initialise(units)

    @torch.no_grad()
    def _initialise(self, units: int) -> None:
        """As one matrix of [x; h], and four heads, would start."""
        for layer in (self.from_x, self.from_h):
            bound = sqrt(6 / (2 * self.width + units))
            nn.init.uniform_(layer.weight, -bound, bound)
        nn.init.uniform_(self.from_x.bias, -((2 * self.width) ** -0.5), (2 * self.width) ** -0.5)
        for layer in self.deeper:
            nn.init.xavier_uniform_(layer.weight)
        for head in self.heads.weight.chunk(4):
            nn.init.xavier_uniform_(head)

    def project(self, x):
        return self.from_x(x)

    def advance(self, p, h):
        u = _lecun_tanh(p + self.from_h(h))
        for layer in self.deeper:
            u = _lecun_tanh(layer(u))
        f, g, speed, lead = self.heads(u).chunk(4, -1)
        gate = torch.sigmoid(speed * self.elapsed + lead)
        return torch.lerp(torch.tanh(f), torch.tanh(g), gate).to(h.dtype)  # which autocast would change


def _lecun_tanh(u: torch.Tensor) -> torch.Tensor:
    return 1.7159 * torch.tanh(0.666 * u)
