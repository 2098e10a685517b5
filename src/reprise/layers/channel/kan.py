import torch
from jaxtyping import Float
from torch import Tensor

from reprise.core.channel import ChannelMixer
from reprise.core.errors import InputError, check_counts
from reprise.layers.channel._spline import SplineLayer

__all__ = ["KAN"]


class KAN(ChannelMixer):
    """KAN: two layers of learned functions of one variable, one for every pair of an input and an output.

        phi(x) = b silu(x) + s sum_m c_m B_m(x);   h_j = sum_i phi_ji(x_i);   y_j = sum_i psi_ji(h_i)

    Shapes   x (B T D) -> y (B T D);  E inside: `hidden`, or 2/5 D, as many numbers as an MLP then has
    Cost     4 T D E (grid + order + 1) work
    Source   Liu et al. 2024, arXiv:2404.19756, sec. 2.2, 2.4, app. A   (liu2024kan)
    Differs  the grid reaches from -2 to 2, since what comes in is normalised to size one; no pruning, no symbols
    """

    def __init__(self, width: int, hidden: int | None = None, grid: int = 5, order: int = 3, reach: float = 2.0):
        super().__init__()
        check_counts("KAN", width=width, hidden=hidden, grid=grid, order=order)
        if not reach > 0:
            raise InputError(f"KAN: expected a reach above 0, got {reach}")
        self.width = width
        hidden = max(2 * width // 5, 1) if hidden is None else hidden
        self.inner = SplineLayer(width, hidden, grid, order, reach)
        self.outer = SplineLayer(hidden, width, grid, order, reach)

    def mix(self, x):
        return self.outer(self.inner(x))

    @torch.no_grad()
    def refit(self, x: Float[Tensor, "B T D"], grid: int | None = None) -> None:
        """Lay both grids where the data are (sec. 2.4), finer with a larger `grid`; optimisers must be made anew."""
        inside = self.inner(x)
        self.inner.refit(x, grid)
        self.outer.refit(inside, grid)
        if grid is not None:
            self.options = {**self.options, "grid": grid}
