from typing import ClassVar, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import layer_norm

from reprise.bases.cell import Cell
from reprise.core.errors import check_counts

__all__ = ["HyperLSTM"]

EPSILON = 1e-3  # of the layer norms, in the author's code


class Memory(NamedTuple):
    h: Float[Tensor, "B N"]
    c: Float[Tensor, "B N"]
    small_h: Float[Tensor, "B S"]
    small_c: Float[Tensor, "B S"]


class Gates(nn.Module):
    """From the sums of four gates i, g, f, o and the cell to the cell and the output after, normed on the way."""

    undecayed_parameters = ("gain", "bias")

    def __init__(self, units: int):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(4, units))
        self.bias = nn.Parameter(torch.zeros(4, units))
        self.norm = nn.LayerNorm(units, eps=EPSILON)

    def forward(self, sums: Float[Tensor, "B 4 N"], c: Float[Tensor, "B N"]) -> tuple[Tensor, Tensor]:
        i, g, f, o = (layer_norm(sums, sums.shape[-1:], eps=EPSILON) * self.gain + self.bias).unbind(1)
        c = torch.sigmoid(f + 1) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(self.norm(c)), c


class HyperLSTM(Cell):
    """HyperLSTM: a small LSTM rescales, at every step, the rows of a large one's weights.

        s_t = LSTM([x_t; h_{t-1}]);   for each gate k: d_k = D_k (E_k s_t + e_k);   r_k = R_k (F_k s_t + f_k)
        k_t = LN(d_k (U_k h_{t-1}) + r_k (W_k x_t) + P_k Q_k s_t + b_k), for k = i, g, f, o
        c_t = sigmoid(f_t + 1) c_{t-1} + sigmoid(i_t) tanh(g_t);   h_t = sigmoid(o_t) tanh(LN(c_t));   y_t = h_t
        the small LSTM has the same layer norms

    Shapes   x (B T D) -> y (B T D);  memory h, c (B D), small_h, small_c (B S)
    Cost     T (16 D^2 + 16 D S + 8 S^2 + 24 Z (D + S)) work, T depth; S = min(D, 128), Z = 16
    Source   Ha et al. 2016, arXiv:1609.09106, sec. 3.2, app. A.2; hardmaru/supercell   (ha2016hypernetworks)
    Differs  scales start at 1; the first author's code has 0.1, which the norms nearly undo; no dropout. Nothing is
             left of one number less its mean: at D = 1 the output does not depend on the input
    """

    undecayed_parameters = ("scales", "bias")
    unit_parts = ("h", "c")
    excused: ClassVar[dict[str, str]] = {
        "everything_learns": "as in the paper, the small LSTM is behind weights that start at zero; it has a gradient "
                             "from the second update on"}

    def __init__(self, width: int, small: int | None = None, embedding: int = 16):
        check_counts("HyperLSTM", width=width, small=small, embedding=embedding)
        D, S, Z = width, min(width, 128) if small is None else small, embedding
        super().__init__(D, (2 * D + 2 * S,))
        self.sizes = D, D, S, S
        self.from_x = nn.Linear(D, 4 * D, bias=False)
        self.from_h = nn.Linear(D, 4 * D, bias=False)
        self.small_from_x = nn.Linear(D, 4 * S)
        self.small_from_h = nn.Linear(D, 4 * S, bias=False)
        self.small_around = nn.Linear(S, 4 * S, bias=False)
        self.to_scales = nn.Linear(S, 8 * Z)  # E, F and e, f: of the recurrent weights first
        self.to_shift = nn.Linear(S, 4 * Z, bias=False)  # Q
        self.scales = nn.Parameter(torch.full((8, Z, D), 1 / Z))  # D, R
        self.shift = nn.Parameter(torch.zeros(4, Z, D))  # P
        self.bias = nn.Parameter(torch.zeros(4, D))
        self.gates, self.small_gates = Gates(D), Gates(S)
        self._initialise(4 * S)

    @torch.no_grad()
    def _initialise(self, small: int) -> None:
        for layer in (self.from_h, self.small_around):
            for gate in layer.weight.chunk(4):
                nn.init.orthogonal_(gate)
        nn.init.xavier_uniform_(self.from_x.weight)
        bound = (6 / (2 * self.width + small)) ** 0.5  # of one matrix of [x; h]
        for layer in (self.small_from_x, self.small_from_h):
            nn.init.uniform_(layer.weight, -bound, bound)
        nn.init.zeros_(self.small_from_x.bias)
        nn.init.zeros_(self.to_scales.weight)
        nn.init.ones_(self.to_scales.bias)
        nn.init.normal_(self.to_shift.weight, std=0.01)

    def project(self, x):
        return self.from_x(x), self.small_from_x(x)

    def advance(self, p, memory):
        from_x, for_small = p
        sums = for_small + self.small_from_h(memory.h) + self.small_around(memory.small_h)
        small_h, small_c = self.small_gates(sums.unflatten(-1, (4, -1)), memory.small_c)
        scales = torch.einsum("bgz,gzn->bgn", self.to_scales(small_h).unflatten(-1, (8, -1)), self.scales)
        shift = torch.einsum("bgz,gzn->bgn", self.to_shift(small_h).unflatten(-1, (4, -1)), self.shift)
        weighed = torch.cat([self.from_h(memory.h), from_x], -1).unflatten(-1, (8, -1)) * scales
        h, c = self.gates(weighed[:, :4] + weighed[:, 4:] + shift + self.bias, memory.c)
        return Memory(h, c, small_h, small_c)

    def emit(self, memory):
        return memory.h

    def initial_memory(self, batch):
        return Memory(*super().initial_memory(batch).split(self.sizes, -1))
