"""Autoregression: by gradients, one linear map whose weights are the coefficients, and by least squares."""
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor, nn

from reprise.core.errors import InputError, check_counts

__all__ = ["ARNet", "AutoRegression", "coefficient_error", "least_squares"]


class AutoRegression(NamedTuple):
    """y_t = constant + sum_i coefficients[i - 1] y_{t-i}."""

    coefficients: Float64[np.ndarray, " P"]
    constant: float


class ARNet(nn.Module):
    """One linear map from the last P values of a series to the next H, the same for every series.

        y_{t+h} = c_h + sum_i w_{h,i} y_{t+1-i},   i = 1 ... P, h = 1 ... H

    With H = 1 the weights are the coefficients of an autoregression, as long as nothing is hidden in between.
    Shapes   x (B P D) -> y (B H D);  in steps, x (B,) -> y (B H), with the last P values as state (B P)
    Source   Triebe et al. 2019, arXiv:1911.12436   (triebe2019arnet)
    """

    def __init__(self, order: int, horizon: int = 1):
        super().__init__()
        check_counts("ARNet", order=order, horizon=horizon)
        self.order, self.horizon = order, horizon
        self.map = nn.Linear(order, horizon)  # weights in the order of time: w_P first

    def forward(self, x: Float[Tensor, "B P D"]) -> Float[Tensor, "B H D"]:
        if x.ndim != 3 or x.shape[1] != self.order:
            raise InputError(f"ARNet: expected windows of shape (B, {self.order}, D), got {tuple(x.shape)}")
        return self.map(x.mT).mT

    def initial_state(self, batch: int) -> Float[Tensor, "B P"]:
        """Values before the first are 0."""
        return self.map.weight.new_zeros(batch, self.order)

    def step(
        self, x: Float[Tensor, "B"], state: Float[Tensor, "B P"],
    ) -> tuple[Float[Tensor, "B H"], Float[Tensor, "B P"]]:
        """The next H values, after one more."""
        state = torch.cat([state[:, 1:], x[:, None]], 1)
        return self.map(state), state

    @torch.no_grad()
    def regression(self, step: int = 1, mean: float = 0.0, deviation: float = 1.0) -> AutoRegression:
        """The coefficients of the forecast `step` values ahead, that of lag 1 first.

        mean, deviation: of a series that was standardised to train on; they change the constant alone.
        """
        coefficients = self.map.weight[step - 1].flip(0).double().cpu().numpy()
        constant = self.map.bias[step - 1].item() * deviation + mean * (1 - coefficients.sum())
        return AutoRegression(coefficients, float(constant))


def least_squares(values: Float64[np.ndarray, " T"], order: int) -> AutoRegression:
    """The autoregression with the least squares of error one step ahead, by numpy's lstsq: T P^2 work, T P numbers.

    Raises InputError for a series too short to decide it: of 2 P + 1 values at least.
    """
    check_counts("least_squares", order=order)
    if len(values) < 2 * order + 1:
        raise InputError(f"least_squares: expected {2 * order + 1} values or more for an order of {order}, got "
                         f"{len(values)}; lower the order")
    lags = np.lib.stride_tricks.sliding_window_view(values[:-1], order)[:, ::-1]
    table = np.concatenate([lags, np.ones((len(lags), 1))], 1)
    solved = np.linalg.lstsq(table, values[order:], rcond=None)[0]
    return AutoRegression(solved[:-1], float(solved[-1]))


def coefficient_error(found: Float64[np.ndarray, " P"], true: Float64[np.ndarray, " P"]) -> float:
    """100 sum |found - true| / sum (|found| + |true|), per cent from 0 to 100; 0 where all are zero (sTPE)."""
    size = float((np.abs(found) + np.abs(true)).sum())
    return 100 * float(np.abs(found - true).sum()) / size if size else 0.0
