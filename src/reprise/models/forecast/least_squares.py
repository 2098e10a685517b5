"""Least squares with a penalty, from sums over rows that come a few at a time."""
from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["LeastSquares"]

ROWS = 8192  # that are summed at once


class LeastSquares:
    """The sums that a linear map from K inputs, and a constant unless `bias` is False, to H outputs is solved from.

    In float64. Rows are added in any number of pieces; any number of penalties is then tried without seeing them again.
    """

    def __init__(self, inputs: int, outputs: int, device: torch.device | None = None, *, bias: bool = True):
        self.count, self.bias = 0, bias
        self.square = torch.zeros(inputs + 1, inputs + 1, dtype=torch.float64, device=device)
        self.cross = torch.zeros(inputs + 1, outputs, dtype=torch.float64, device=device)

    def add(self, x: Float[Tensor, "N K"], y: Float[Tensor, "N H"]) -> LeastSquares:
        """Counts N rows in; returns itself."""
        for a, b in zip(x.split(ROWS), y.split(ROWS), strict=True):
            a = torch.cat([a.double(), a.new_ones(len(a), 1, dtype=torch.float64)], 1)
            self.square += a.T @ a
            self.cross += a.T @ b.double()
        self.count += len(x)
        return self

    def __add__(self, other: LeastSquares) -> LeastSquares:
        """The sums over the rows of both."""
        return self._with(other, 1)

    def __sub__(self, other: LeastSquares) -> LeastSquares:
        """The sums without the rows of `other`, which are among them."""
        return self._with(other, -1)

    def solve(self, penalty: float) -> tuple[Float[Tensor, "H K"], Float[Tensor, " H"]]:
        """Weight and bias with the least sum of squared errors plus `penalty` (above 0) times that of the weights."""
        K = len(self.square) if self.bias else len(self.square) - 1
        ridge = self.square.new_full((K,), float(penalty))
        if self.bias:
            ridge[-1] = 0  # it is free
        solved = torch.zeros_like(self.cross)
        solved[:K] = torch.linalg.solve(self.square[:K, :K] + torch.diag(ridge), self.cross[:K])
        return solved[:-1].T, solved[-1]

    def error(self, weight: Float[Tensor, "H K"], bias: Float[Tensor, " H"]) -> float:
        """The sum of squared errors of a map on these rows, less that of forecasting 0: to choose between maps."""
        w = torch.cat([weight.T, bias[None]]).double()
        return (w * (self.square @ w - 2 * self.cross)).sum().item()

    def _with(self, other: LeastSquares, sign: int) -> LeastSquares:
        found = LeastSquares(len(self.square) - 1, self.cross.shape[1], self.square.device, bias=self.bias)
        found.count = self.count + sign * other.count
        found.square = self.square + sign * other.square
        found.cross = self.cross + sign * other.cross
        return found
