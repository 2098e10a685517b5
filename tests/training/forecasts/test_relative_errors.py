"""Relative errors, by hand and against loops."""
import pytest
import torch
from torch import nn

from reprise.core.errors import InputError
from reprise.data.labelled import Labelled
from reprise.training.relative_errors import mape, mase, smape


class Says(nn.Module):
    """Forecasts what it was built with, whatever it sees."""

    def __init__(self, forecast):
        super().__init__()
        self.forecast = nn.Parameter(forecast)

    def forward(self, x, lengths=None):
        return self.forecast


def column(*numbers):
    return torch.tensor(numbers).view(1, -1, 1)


def batch(y, x=None, lengths=None):
    return Labelled(column(1.0, 3.0, 2.0, 6.0) if x is None else x, y, lengths)


def test_by_hand():
    model, y = Says(column(3.0, 2.0, 0.0)), column(1.0, -2.0, 0.0)
    total, count, _ = smape(model, batch(y))
    assert total.item() == pytest.approx(2 / 2 + 4 / 2) and count == 2  # zero for zero has no scale
    total, count, _ = mape(model, batch(y))
    assert total.item() == pytest.approx(2 / 1 + 4 / 2) and count == 2
    total, count, _ = mase(1)(model, batch(y))
    assert total.item() == pytest.approx(6 / ((2 + 1 + 4) / 3)) and count == 3
    assert mase(2)(model, batch(y))[0].item() == pytest.approx(6 / ((1 + 3) / 2))


def test_series_in_other_units_have_the_same_error():
    x, y, f = torch.rand(3, 4, 9, 2).unbind()
    for objective in (smape, mape, mase(3)):
        larger = objective(Says(1e3 * f), batch(1e3 * y, 1e3 * x))
        torch.testing.assert_close(objective(Says(f), batch(y, x)).total, larger.total)


def test_padding_is_not_in_the_scale():
    x, y, model = torch.rand(2, 6, 1), torch.rand(2, 3, 1), Says(torch.rand(2, 3, 1))
    padded = batch(y, x, torch.tensor([4, 6]))
    apart = [mase(2)(Says(model.forecast[i : i + 1].detach()), batch(y[i : i + 1], x[i : i + 1, 6 - n :]))[0]
             for i, n in enumerate((4, 6))]
    torch.testing.assert_close(mase(2)(model, padded)[0], sum(apart))
    assert mase(2)(model, batch(y, x, torch.tensor([2, 6]))).count == 3  # a season and no more: no scale


def test_no_gradient_flows_through_the_scale():
    model = Says(column(3.0, 2.0))
    smape(model, batch(column(1.0, 4.0))).total.backward()
    torch.testing.assert_close(model.forecast.grad, column(1 / 2, -1 / 3))


def test_a_flat_window_has_finite_gradients():
    model = Says(torch.ones(1, 3, 1))
    scored = mase(1)(model, batch(torch.zeros(1, 3, 1), torch.ones(1, 4, 1)))
    scored.total.backward()
    assert scored.count == 0 and (model.forecast.grad == 0).all()


def test_what_does_not_fit():
    with pytest.raises(InputError, match=r"forecasts \(1, 2, 1\) where y is \(1, 3, 1\)"):
        smape(Says(torch.ones(1, 2, 1)), batch(torch.ones(1, 3, 1)))
    with pytest.raises(InputError, match="more than a season of 4 steps, got 4"):
        mase(4)(Says(torch.ones(1, 3, 1)), batch(torch.ones(1, 3, 1)))
