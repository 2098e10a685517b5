"""Forecasts of variates that meet in the layer, or nowhere."""
import pytest
import torch
from torch.testing import assert_close

from reprise.core.errors import InputError
from reprise.layers import create_layer
from reprise.models.panels.variate_forecaster import VariateForecaster


def build(name, together, **options):
    torch.manual_seed(0)
    return VariateForecaster(create_layer(name, 12 if together else 4, **options), 3, 5, channels=4).double()


@pytest.mark.parametrize(("name", "together", "options"), [
    ("s4d", False, {"states": 4}), ("mamba", False, {}), ("gru", True, {}), ("chimera", True, {"variates": 3})])
def test_variates_meet_where_the_layer_reads_them_together(name, together, options):
    model, x = build(name, together, **options), torch.randn(2, 9, 3).double()
    y = model(x)
    assert y.shape == (2, 5, 3)
    moved = x.clone()
    moved[:, 4, 0] += 1
    changed = (model(moved) - y).abs().amax((0, 1)) > 1e-9
    assert changed[0] and bool(changed[1:].any()) == together


def test_every_step_is_the_last_of_what_was_before():
    model, x = build("chimera", True, variates=3), torch.randn(2, 9, 3).double()
    every = model.every(x)
    assert every.shape == (2, 9, 5, 3)
    for t in (0, 4, 8):
        assert_close(model(x[:, : t + 1]), every[:, t])
    with torch.no_grad():
        model.out.weight.zero_()
    assert_close(model(x), (x[:, -1:] + model.out.bias[:, None]).expand(2, 5, 3))


def test_what_does_not_fit():
    with pytest.raises(InputError, match="a layer of width 4, for each variate alone, or 12, for 3 together; got 6"):
        VariateForecaster(create_layer("gru", 6), 3, 5, channels=4)
    with pytest.raises(InputError, match=r"windows \(B, L, 3\) with L of 1 or more"):
        build("gru", True)(torch.zeros(2, 9, 4).double())
