"""The linear map, against least squares written out."""
import numpy as np
import pytest
import torch

from reprise.core.errors import InputError
from reprise.data.sets.ett import windows
from reprise.models.forecast.linear_forecaster import LinearForecaster


def series(T=400, D=3):
    g = torch.Generator().manual_seed(0)
    return torch.randn(T, D, generator=g, dtype=torch.float64).cumsum(0)


@pytest.mark.parametrize("centre", ["mean", "last"])
def test_it_is_ridge_regression(centre):
    x, y = windows(series(), 8, 5)
    found = LinearForecaster(8, 5, centre).double().solve(x, y, penalty=3.0)
    m = x.mean(1, keepdim=True) if centre == "mean" else x[:, -1:]
    a = np.concatenate([(x - m)[:, :, d].numpy() for d in range(3)])
    b = np.concatenate([(y - m)[:, :, d].numpy() for d in range(3)])
    mean_a, mean_b = a.mean(0), b.mean(0)  # a free bias: both sides centred
    W = np.linalg.lstsq(np.vstack([a - mean_a, 3.0**0.5 * np.eye(8)]), np.vstack([b - mean_b, np.zeros((8, 5))]),
                        rcond=None)[0].T
    np.testing.assert_allclose(found.map.weight.detach().numpy(), W, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(found.map.bias.detach().numpy(), mean_b - W @ mean_a, rtol=1e-6, atol=1e-9)


def test_a_linear_series_is_forecast_exactly_at_any_level():
    t = torch.arange(100, dtype=torch.float64)[:, None]
    line = torch.cat([2 * t, -t + 5], 1)
    model = LinearForecaster(4, 6).double().solve(*windows(line, 4, 6), penalty=1e-9)
    x, y = windows(line * 3 + 1000, 4, 6)
    torch.testing.assert_close(model(x), y, rtol=0, atol=1e-4)


def test_one_map_for_every_series():
    model, x = LinearForecaster(4, 2), torch.randn(5, 4, 3)
    torch.testing.assert_close(model(x)[:, :, 1:2], model(x[:, :, 1:2]))


def test_it_is_solved_where_the_windows_are():
    x = torch.zeros(5, 4, 3, device="meta")
    found = LinearForecaster(4, 2).to("meta").solve(x, x[:, :2])
    assert {p.device.type for p in found.parameters()} == {"meta"}


@pytest.mark.parametrize(("wrong", "message"), [
    (lambda m, x: m(x[:, 1:]), r"windows of shape \(B, 4, D\), got \(5, 3, 3\)"),
    (lambda m, x: m.solve(x, x), r"y \(N, 2, D\) with a window or more, got \(5, 4, 3\) and \(5, 4, 3\)"),
    (lambda m, x: m.solve(x[:0], x[:0, :2]), "with a window or more"),
    (lambda m, x: m.solve(x, x[:, :2], penalty=0), "a penalty above 0, got 0"),
    (lambda m, x: LinearForecaster(4, 2, "middle"), "centre to be mean or last, got 'middle'"),
])
def test_what_does_not_fit(wrong, message):
    with pytest.raises(InputError, match=message):
        wrong(LinearForecaster(4, 2), torch.randn(5, 4, 3))
