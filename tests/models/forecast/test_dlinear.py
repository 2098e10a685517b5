"""The decomposed linear forecaster and the least squares it shares with the plain one."""
import pytest
import torch

from reprise.core.errors import InputError
from reprise.models.forecast.dlinear import DLinear
from reprise.models.forecast.least_squares import LeastSquares
from reprise.models.forecast.linear_forecaster import LinearForecaster


def test_trend_is_a_moving_average_with_repeated_ends():
    model = DLinear(5, 1, kernel=3)
    remainder, trend = model._decompose(torch.tensor([[[1.0, 2.0, 6.0, 4.0, 5.0]]]))
    torch.testing.assert_close(trend[0, 0], torch.tensor([4 / 3, 3.0, 4.0, 5.0, 14 / 3]))
    torch.testing.assert_close(remainder + trend, torch.tensor([[[1.0, 2.0, 6.0, 4.0, 5.0]]]))


def test_forward_is_the_sum_of_two_maps():
    model, x = DLinear(7, 3, kernel=4), torch.randn(2, 7, 5)
    remainder, trend = model._decompose(x.mT)
    want = remainder @ model.remainder.weight.T + model.remainder.bias + trend @ model.trend.weight.T
    torch.testing.assert_close(model(x), want.mT)
    with pytest.raises(InputError, match=r"windows of shape \(B, 7, D\), got \(2, 5, 7\)"):
        model(x.mT)


def test_solved_it_can_do_what_one_map_can():
    x = torch.randn(500, 8, 2, dtype=torch.float64)
    W = torch.randn(3, 8, dtype=torch.float64)
    y = (x.mT @ W.T + 2).mT
    model, sums = DLinear(8, 3, kernel=3).double(), LeastSquares(16, 3)
    model.gather(sums, x, y)
    torch.testing.assert_close(model.adopt(sums, 1e-8)(x), y, atol=1e-6, rtol=0)
    plain, sums = LinearForecaster(8, 3).double(), LeastSquares(8, 3)
    plain.gather(sums, x, y)
    torch.testing.assert_close(plain.adopt(sums, 0.5)(x), LinearForecaster(8, 3).double().solve(x, y, 0.5)(x))


@pytest.mark.parametrize("bias", [True, False])
def test_sums_in_pieces_solve_the_textbook_equation(bias):
    x, y = torch.randn(9000, 4, dtype=torch.float64), torch.randn(9000, 2, dtype=torch.float64) + 3
    sums = LeastSquares(4, 2, bias=bias).add(x[:10], y[:10]).add(x[10:], y[10:])
    weight, constant = sums.solve(7.0)
    centred = (x - x.mean(0), y - y.mean(0)) if bias else (x, y)
    want = torch.linalg.solve(centred[0].T @ centred[0] + 7 * torch.eye(4), centred[0].T @ centred[1]).T
    torch.testing.assert_close(weight, want)
    torch.testing.assert_close(constant, y.mean(0) - want @ x.mean(0) if bias else torch.zeros(2).double())
    error = (y - x @ weight.T - constant).square().sum() - y.square().sum()
    again = sums + LeastSquares(4, 2, bias=bias).add(x[:5], y[:5]) - LeastSquares(4, 2, bias=bias).add(x[:5], y[:5])
    torch.testing.assert_close(again.solve(7.0), sums.solve(7.0))
    assert again.count == sums.count == 9000 and sums.error(weight, constant) == pytest.approx(error.item())
