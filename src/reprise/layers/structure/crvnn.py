"""A tree that is found, softly, by gradient descent."""
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import gelu

from reprise.core.errors import InputError, check_counts
from reprise.core.structure import Encoding, StructureEncoder
from reprise.layers.structure._cell import GatedCell
from reprise.layers.structure._neighbours import neighbours

__all__ = ["CRvNN"]

TINY = 1e-8


class CRvNN(StructureEncoder):
    """Continuous recursive network: every element merges into its right neighbour by a probability, all at once.

        h_i = LN(W x_i), with a start and an end beside them;   e_i = 1, how far i still exists
        L, R = the nearest left and right neighbours that exist, as distributions
        s = v . gelu(U [L^2 h; L h; h; R h; R^2 h; feature of (L p)])
        p = exp(s) / (exp(s) + 1 + L exp(s) + R exp(s)), 0 at the last element
        h_i <- m_i cell(L h, h)_i + (1 - m_i) h_i,  m = L p;   e_i <- e_i (1 - p_i)
        until fewer than two e_i are above `threshold`, N - 1 times at most;   y = h at the last element

    modulated: whether neighbours compete; without it p = exp(s) / (exp(s) + 1).
    A row that has not come to one element is penalised by `halting` times -log(e_N / sum(e)).

    Shapes   x (B N D) -> y (B D);  penalty (B)
    Cost     30 N D^2 + 4 N^2 D work a step, N - 1 steps at most, N^2 numbers of memory each
    Source   Chowdhury & Caragea 2021, arXiv:2106.06038   (chowdhury2021modeling)
    Differs  no dropout inside; a row takes N - 1 steps at most, as many as merges can be, whatever it is padded to,
             where the code of its authors takes N
    """

    def __init__(self, width: int, hidden: int | None = None, features: int = 64, modulated: bool = True,
                 threshold: float = 0.01, halting: float = 0.01):
        super().__init__()
        check_counts("CRvNN", width=width, hidden=hidden, features=features)
        if not 0 < threshold < 1 or halting < 0:
            raise InputError(f"CRvNN: expected a threshold between 0 and 1, and halting of 0 or more, got "
                             f"threshold={threshold}, halting={halting}")
        self.width, self.modulated, self.threshold, self.halting = width, modulated, threshold, halting
        self.cell = GatedCell(width, hidden)
        self.start, self.end = nn.Parameter(torch.randn(width)), nn.Parameter(torch.randn(width))
        self.merged, self.unmerged = nn.Parameter(torch.randn(features)), nn.Parameter(torch.randn(features))
        self.look, self.score = nn.Linear(5 * width + features, width), nn.Linear(width, 1)

    def encode(self, x, lengths, heights):
        B, N, _ = x.shape
        place, last = torch.arange(N + 2, device=x.device)[:, None], lengths[:, None, None]  # start, 1 to N, end
        real, free = (place > 0) & (place <= last), (place > 0) & (place < last)
        h = torch.cat([self.start.expand(B, 1, -1), x, x.new_zeros(B, 1, self.width)], 1)
        h = self.cell.leaf(torch.where(place == last + 1, self.end, h)) * (place <= last + 1)
        e, m = (place <= last + 1).to(x.dtype), x.new_zeros(B, N + 2, 1)
        going = last > 1
        for step in range(1, N):
            if not going.any():
                break
            left, right = neighbours(e[..., 0])
            near = left @ h
            p = self._merges(h, near, m, free, (left, right))
            now = (left @ p) * real
            h = torch.where(going, h + now * (self.cell(near, h) - h), h)
            e, m = torch.where(going, e * (1 - p), e), torch.where(going, now, m)
            many = ((e > self.threshold) & real).sum(1, keepdim=True) > 1
            going = going & many & (last > step + 1)
        exist = (e * real).sum(1)[:, 0]  # the last element always does, wholly
        many = ((e > self.threshold) & real).sum((1, 2)) > 1
        return Encoding(h.take_along_dim(last, 1)[:, 0], self.halting * exist.log() * many)

    def _merges(
        self, h: Tensor, near: Tensor, m: Tensor, free: Tensor, sides: tuple[Tensor, Tensor]
    ) -> Float[Tensor, "B S 1"]:
        """By what probability each merges into its right neighbour; only those that are `free` may."""
        left, right = sides
        follows, feature = right @ h, m * self.merged + (1 - m) * self.unmerged
        window = torch.cat([left @ near, near, h, follows, right @ follows, feature], -1)
        s = self.score(gelu(self.look(window))).masked_fill(~free, -torch.inf)
        top = s.detach().amax(1, keepdim=True).clamp_min(0)
        mine = (s - top).exp()
        every = mine + (-top).exp()
        if self.modulated:
            every = every + left @ mine + right @ mine
        return mine / every.clamp_min(TINY)
