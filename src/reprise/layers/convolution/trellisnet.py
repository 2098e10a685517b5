from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from reprise.bases.recurrent import Recurrent
from reprise.core.errors import InputError, check_counts
from reprise.layers._past import delayed, keep

__all__ = ["TrellisNet"]


class Memory(NamedTuple):
    x: Float[Tensor, "B W D"]  # W: the largest dilation
    levels: tuple[Float[Tensor, "B W' 2N"], ...]  # z and c of every level but the first, which is zero


class TrellisNet(Recurrent):
    """TrellisNet: a convolutional network whose layers share their weights, hear the input anew, and gate like an LSTM.

        f, i, o, g = W1 (x_{t-d}, x_t) + W2 (z^j_{t-d}, z^j_t) + b;   z^0 = c^0 = 0
        c^{j+1}_t = sigmoid(f) c^j_{t-d} + sigmoid(i) tanh(g);   z^{j+1}_t = sigmoid(o) tanh(c^{j+1}_t)
        y_t = the last D channels of z^L_t;   d: dilation of level j, the first of `dilations`, the second, and so on

    Shapes   x (B T D) -> y (B T D);  memory: the last d inputs (B d D), and z and c of levels 1 .. L - 1 (B d 2 N)
    Cost     16 T D N + 16 L T N^2 work, L depth
    Source   Bai et al. 2019, arXiv:1810.06682, sec. 3, 4.2, 5.1; locuslab/trellisnet   (bai2019trellis)
    Differs  all that is carried is exact, so that no history is cut off where a piece ends; without weight
             normalisation and dropout, which may be put around it; L is 8, where the paper has up to 70
    """

    memory_precision = None  # outputs of levels, never summed up

    def __init__(self, width: int, hidden: int | None = None, depth: int = 8, dilations: tuple[int, ...] = (1,)):
        check_counts("TrellisNet", width=width, hidden=hidden, depth=depth)
        N = width if hidden is None else hidden
        if width > N:
            raise InputError(f"TrellisNet: expected hidden of width={width} or more, since outputs are channels of it, "
                             f"got {N}; try hidden={width}")
        if not isinstance(dilations, tuple | list) or not dilations:
            raise InputError(f"TrellisNet: expected at least one dilation, got {dilations!r}; try dilations=(1,)")
        for dilation in dilations:
            check_counts("TrellisNet", dilations=dilation)
        super().__init__(width, ())
        self.hidden, self.dilations = N, tuple(dilations[j % len(dilations)] for j in range(depth))
        self.from_x, self.from_z = nn.Linear(2 * width, 4 * N), nn.Linear(2 * N, 4 * N, bias=False)
        for p in self.parameters():
            nn.init.normal_(p, std=0.01)

    def initial_memory(self, batch):
        zeros = self.from_x.weight.new_zeros
        levels = tuple(zeros(batch, d, 2 * self.hidden) for d in self.dilations[1:])
        return Memory(zeros(batch, max(self.dilations), self.width), levels)

    def project(self, x):
        return x

    def recur(self, p, memory, marks):
        heard = {d: self.from_x(torch.cat([delayed(memory.x, p, d, marks), p], -1)) for d in set(self.dilations)}
        z, after = self._gated(heard[self.dilations[0]], 0.0), []
        for d, past in zip(self.dilations[1:], memory.levels, strict=True):
            after.append(keep(past, z, marks))
            then = delayed(past, z, d, marks)
            seen = torch.cat([then[..., : self.hidden], z[..., : self.hidden]], -1)
            z = self._gated(heard[d] + self.from_z(seen), then[..., self.hidden :])
        return z[..., self.hidden - self.width : self.hidden], Memory(keep(memory.x, p, marks), tuple(after))

    def _gated(self, gates: Float[Tensor, "B T 4N"], c: Float[Tensor, "B T N"] | float) -> Float[Tensor, "B T 2N"]:
        """z and c of the next level, side by side."""
        f, i, o, g = gates.chunk(4, -1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.cat([torch.sigmoid(o) * torch.tanh(c), c], -1)
