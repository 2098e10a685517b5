"""A linear forecaster of a trend, the moving average of the window, and of what remains."""
import torch
from jaxtyping import Float
from torch import Tensor, nn

from reprise.core.errors import InputError, check_counts
from reprise.models.forecast.least_squares import ROWS, LeastSquares

__all__ = ["DLinear"]


class DLinear(nn.Module):
    """y = W_r (x - a) + W_a a + b, the same for every series; a, of each window, the moving average of `kernel` steps.

    The window's ends are repeated, so that a is as long as x. Trained by gradients as published, or solved.
    Shapes   x (B L D) -> y (B H D)
    Source   Zeng et al. 2023, arXiv:2205.13504   (zeng2023transformers)
    Differs  one bias where the paper has two that are added
    """

    def __init__(self, lookback: int, horizon: int, kernel: int = 25):
        super().__init__()
        check_counts("DLinear", lookback=lookback, horizon=horizon, kernel=kernel)
        self.lookback, self.horizon, self.kernel = lookback, horizon, kernel
        self.trend = nn.Linear(lookback, horizon, bias=False)
        self.remainder = nn.Linear(lookback, horizon)

    def forward(self, x: Float[Tensor, "B L D"]) -> Float[Tensor, "B H D"]:
        if x.ndim != 3 or x.shape[1] != self.lookback:
            raise InputError(f"DLinear: expected windows of shape (B, {self.lookback}, D), got {tuple(x.shape)}")
        remainder, trend = self._decompose(x.mT)
        return (self.remainder(remainder) + self.trend(trend)).mT

    def gather(self, sums: LeastSquares, x: Float[Tensor, "N L D"], y: Float[Tensor, "N H D"]) -> None:
        """Counts windows and what follows them into `sums`, of 2 L inputs and H outputs, for `adopt`."""
        for rows in torch.arange(len(x)).split(max(ROWS // x.shape[2], 1)):
            parts = self._decompose(x[rows[0] : rows[-1] + 1].double().mT)
            sums.add(torch.cat(parts, -1).reshape(-1, 2 * self.lookback),
                     y[rows[0] : rows[-1] + 1].double().mT.reshape(-1, self.horizon))

    @torch.no_grad()
    def adopt(self, sums: LeastSquares, penalty: float) -> "DLinear":
        """The maps that `sums` has with that penalty; in place, and returned."""
        weight, bias = sums.solve(penalty)
        self.remainder.weight.copy_(weight[:, : self.lookback])
        self.trend.weight.copy_(weight[:, self.lookback :])
        self.remainder.bias.copy_(bias)
        return self

    def _decompose(self, x: Float[Tensor, "B D L"]) -> tuple[Float[Tensor, "B D L"], Float[Tensor, "B D L"]]:
        before = (self.kernel - 1) // 2
        padded = nn.functional.pad(x, (before, self.kernel - 1 - before), mode="replicate")
        trend = nn.functional.avg_pool1d(padded, self.kernel, stride=1)
        return x - trend, trend
