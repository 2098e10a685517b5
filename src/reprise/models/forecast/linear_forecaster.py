"""The linear forecaster that much of the published leaderboard does not beat."""
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from reprise.core.errors import InputError, check_counts
from reprise.models.forecast.least_squares import ROWS, LeastSquares

__all__ = ["LinearForecaster"]

CENTRES = ("mean", "last")


class LinearForecaster(nn.Module):
    """y = W (x - m) + b + m: one matrix for every series, from a window to all steps ahead; m of each window.

    centre: what m is, the window's "mean" or its "last" value.
    Shapes   x (B L D) -> y (B H D)
    Source   Zeng et al. 2023, arXiv:2205.13504, NLinear, where m is the last value   (zeng2023transformers); solved in
             closed form, Toner & Darlow 2024, arXiv:2403.14587   (toner2024analysis)
    """

    def __init__(self, lookback: int, horizon: int, centre: Literal["mean", "last"] = "mean"):
        super().__init__()
        check_counts("LinearForecaster", lookback=lookback, horizon=horizon)
        if centre not in CENTRES:
            raise InputError(f"LinearForecaster: expected centre to be {' or '.join(CENTRES)}, got {centre!r}")
        self.lookback, self.horizon, self.centre = lookback, horizon, centre
        self.map = nn.Linear(lookback, horizon)

    def forward(self, x: Float[Tensor, "B L D"]) -> Float[Tensor, "B H D"]:
        if x.ndim != 3 or x.shape[1] != self.lookback:
            raise InputError(f"LinearForecaster: expected windows of shape (B, {self.lookback}, D), "
                             f"got {tuple(x.shape)}")
        m = self._centre(x)
        return self.map((x - m).mT).mT + m

    @torch.no_grad()
    def solve(self, x: Float[Tensor, "N L D"], y: Float[Tensor, "N H D"], penalty: float = 1.0) -> "LinearForecaster":
        """The map with the least squares of error, plus `penalty` times those of W; in place, and returned.

        Sums are kept in float64 and taken over a few windows at a time: windows may be views of one long series.
        Raises InputError where x and y do not fit each other or the map.
        """
        if x.shape[1:2] + y.shape[1:2] != (self.lookback, self.horizon) or x.shape[::2] != y.shape[::2] or not len(x):
            raise InputError(f"LinearForecaster.solve: expected x (N, {self.lookback}, D) and y (N, {self.horizon}, D) "
                             f"with a window or more, got {tuple(x.shape)} and {tuple(y.shape)}")
        if penalty <= 0:
            raise InputError(f"LinearForecaster.solve: expected a penalty above 0, got {penalty}; try 1e-3")
        sums = LeastSquares(self.lookback, self.horizon, x.device)
        self.gather(sums, x, y)
        return self.adopt(sums, penalty)

    def gather(self, sums: LeastSquares, x: Float[Tensor, "N L D"], y: Float[Tensor, "N H D"]) -> None:
        """Counts windows and what follows them into `sums`, of L inputs and H outputs, for `adopt`."""
        for rows in torch.arange(len(x)).split(max(ROWS // x.shape[2], 1)):
            part = x[rows[0] : rows[-1] + 1].double()
            m = self._centre(part)
            sums.add((part - m).mT.reshape(-1, self.lookback),
                     (y[rows[0] : rows[-1] + 1].double() - m).mT.reshape(-1, self.horizon))

    @torch.no_grad()
    def adopt(self, sums: LeastSquares, penalty: float) -> "LinearForecaster":
        """The map that `sums` has with that penalty; in place, and returned."""
        weight, bias = sums.solve(penalty)
        self.map.weight.copy_(weight)
        self.map.bias.copy_(bias)
        return self

    def _centre(self, x: Float[Tensor, "B L D"]) -> Float[Tensor, "B 1 D"]:
        return x.mean(1, keepdim=True) if self.centre == "mean" else x[:, -1:]
