"""Univariate splines, one for every pair of an input and an output: the layer that a KAN is made of."""
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import linear, silu

from reprise.core.errors import InputError

__all__ = ["SplineLayer", "splines"]

ADAPTED = 0.98  # of a refitted grid follows the quantiles of the samples, the rest is even


class SplineLayer(nn.Module):
    """y_j = sum_i b_ji silu(x_i) + s_ji sum_m c_jim B_m(x_i), B of order k over `grid` intervals from -reach to reach.

    Outside its grid an input sees the silu alone.
    """

    undecayed_parameters = ("scale",)

    def __init__(self, inputs: int, outputs: int, grid: int, order: int, reach: float):
        super().__init__()
        self.order = order
        step = 2 * reach / grid
        knots = torch.arange(-order, grid + order + 1) * step - reach
        self.register_buffer("knots", knots.repeat(inputs, 1))
        self.coefficients = nn.Parameter(0.1 * torch.randn(outputs, inputs, grid + order))
        self.scale = nn.Parameter(torch.ones(outputs, inputs))
        self.base = nn.Parameter(torch.empty(outputs, inputs))
        nn.init.xavier_normal_(self.base)

    def forward(self, x: Float[Tensor, "... I"]) -> Float[Tensor, "... O"]:
        B = splines(x, self.knots.to(x.dtype), self.order)
        weight = self.scale[..., None] * self.coefficients
        return linear(silu(x), self.base) + linear(B.flatten(-2), weight.flatten(1))

    @torch.no_grad()
    def refit(self, x: Float[Tensor, "... I"], grid: int | None = None) -> None:
        """Lays the grid where the samples are, with another number of intervals if told; the splines stay what they
        were there, as far as the new grid can follow (least squares). Raises InputError for too few samples.
        """
        x = x.flatten(0, -2).double()
        grid = self.knots.shape[1] - 1 - 2 * self.order if grid is None else grid
        if grid < 1 or len(x) < grid + self.order:
            raise InputError(f"refit: {grid} intervals of order {self.order} need {max(grid, 1) + self.order} samples "
                             f"or more and an interval, got {len(x)} samples")
        old = splines(x, self.knots.double(), self.order).movedim(1, 0)
        knots = _knots(x, grid, self.order)
        B = splines(x, knots, self.order).movedim(1, 0)
        ridge = 1e-8 * torch.eye(B.shape[-1], dtype=B.dtype, device=B.device)  # for functions that no sample touches
        fitted = torch.linalg.solve(B.mT @ B + ridge, B.mT @ old) @ self.coefficients.double().permute(1, 2, 0)
        self.knots = knots.to(self.knots.dtype)
        self.coefficients = nn.Parameter(fitted.permute(2, 0, 1).to(self.coefficients.dtype).contiguous())


def splines(x: Float[Tensor, "... I"], knots: Float[Tensor, "I M"], order: int) -> Float[Tensor, "... I N"]:
    """All B-splines at x by the recursion of Cox and de Boor; N = M - 1 - order."""
    x = x[..., None]
    B = ((x >= knots[:, :-1]) & (x < knots[:, 1:])).to(x.dtype)
    for d in range(1, order + 1):
        rising = (x - knots[:, : -d - 1]) / (knots[:, d:-1] - knots[:, : -d - 1])
        falling = (knots[:, d + 1 :] - x) / (knots[:, d + 1 :] - knots[:, 1:-d])
        B = rising * B[..., :-1] + falling * B[..., 1:]
    return B


def _knots(x: Float[Tensor, "S I"], grid: int, order: int) -> Float[Tensor, "I M"]:
    low, high = x.amin(0), x.amax(0)
    size = torch.maximum(low.abs(), high.abs()).clamp_min(1e-5)
    slack = 0.01 * torch.maximum(high - low, 0.1 * size)  # the largest sample lies within, and in float32 knots differ
    low, high = low - slack, high + slack
    share = torch.linspace(0, 1, grid + 1, dtype=x.dtype, device=x.device)[:, None]
    even, followed = low + share * (high - low), x.quantile(share[:, 0], 0)
    followed[0], followed[-1] = low, high
    inner = (ADAPTED * followed + (1 - ADAPTED) * even).T
    step = ((high - low) / grid)[:, None] * torch.arange(1, order + 1, dtype=x.dtype, device=x.device)
    return torch.cat([inner[:, :1] - step.flip(1), inner, inner[:, -1:] + step], 1)
