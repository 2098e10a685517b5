"""What makes one vector of two neighbours in a tree."""
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import gelu

__all__ = ["GatedCell"]


class GatedCell(nn.Module):
    """The gated recursive cell of Shen et al. 2019, arXiv:1910.13466, with GELU; and its leaves.

        [f, g, i, u] = W_2 gelu(W_1 [l; r]);   parent = LN(sigmoid(f) l + sigmoid(g) r + sigmoid(i) u)
        leaf = LN(W x)

    One LayerNorm for both, so that a leaf and a parent are alike.
    """

    def __init__(self, width: int, hidden: int | None = None):
        super().__init__()
        hidden = 4 * width if hidden is None else hidden
        self.from_x = nn.Linear(width, width)
        self.from_children, self.out = nn.Linear(2 * width, hidden), nn.Linear(hidden, 4 * width)
        self.norm = nn.LayerNorm(width)

    def leaf(self, x: Float[Tensor, "... D"]) -> Float[Tensor, "... D"]:
        return self.norm(self.from_x(x))

    def forward(self, left: Float[Tensor, "... D"], right: Float[Tensor, "... D"]) -> Float[Tensor, "... D"]:
        made = self.out(gelu(self.from_children(torch.cat([left, right], -1))))
        gates, u = made.split([3 * left.shape[-1], left.shape[-1]], -1)
        f, g, i = gates.sigmoid().chunk(3, -1)
        return self.norm(f * left + g * right + i * u)
