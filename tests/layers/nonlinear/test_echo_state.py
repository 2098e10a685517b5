"""The echo-state network: its equations, its reservoir, that it forgets, and the ridge regression of its read-out."""
import math

import pytest
import torch
from torch.testing import assert_close

from reprise.core.errors import InputError
from reprise.core.marks import NO_MARKS
from reprise.layers.nonlinear.dynamics.echo_state import EchoState
from reprise.layers.registry import create_layer


def test_echo_state_equations():
    x = torch.randn(9, 5, dtype=torch.float64)
    layer, ys = EchoState(5, hidden=20, leak=0.3, radius=0.8, degree=4).double(), []
    h = torch.zeros(20, dtype=torch.float64)
    for x_t in x:
        h = 0.7 * h + 0.3 * torch.tanh(layer.W @ h + layer.U @ x_t)
        ys.append(layer.out.weight @ torch.cat([h, x_t]) + layer.out.bias)
    assert_close(layer(x[None])[0][0], torch.stack(ys))


def test_echo_state_reservoir():
    layer = EchoState(3, hidden=200, radius=0.7, degree=10, input_scaling=0.4)
    assert_close(torch.linalg.eigvals(layer.W.double()).abs().max().item(), 0.7, rtol=1e-5, atol=0)
    assert set((layer.W != 0).sum(1).tolist()) == {10}
    assert 0.39 < layer.U.abs().max() <= 0.4
    assert {n for n, _ in layer.named_parameters()} == {"out.weight", "out.bias"}
    again = EchoState(3, hidden=200)
    again.load_state_dict(layer.state_dict())
    assert torch.equal(again.W, layer.W)


@pytest.mark.parametrize("leak", [1.0, 0.3])
def test_echo_state_forgets_where_it_began(leak):
    layer, x = EchoState(4, leak=leak).double(), torch.randn(20, 300, 4, dtype=torch.float64)
    state = layer.initial_state(20)
    with torch.no_grad():
        (_, one), (_, other) = layer(x, state), layer(x, state._replace(memory=torch.randn_like(state.memory)))
    assert (one.memory - other.memory).abs().max() < 1e-6


def test_echo_state_readout_is_the_ridge_regression():
    layer, x = EchoState(2, hidden=15).double(), torch.randn(3, 60, 2, dtype=torch.float64)
    target = torch.randn_like(x)
    layer.fit_readout(x, target, ridge=0.1, washout=10)
    y, _ = layer(x)
    error, weight = (y - target)[:, 10:], layer.out.weight
    assert_close(error.mean((0, 1)), torch.zeros(2, dtype=torch.float64), rtol=0, atol=1e-9)
    h, _ = layer.recur(layer.project(x), layer.initial_memory(3), NO_MARKS)
    seen = torch.cat([h, x], -1)[:, 10:].flatten(0, 1)
    assert_close(error.flatten(0, 1).T @ seen, -0.1 * weight)  # where the regression's derivative is zero


def test_echo_state_learns_the_recent_past():
    torch.manual_seed(1)
    layer, x = EchoState(1, hidden=80, input_scaling=0.3).double(), 2 * torch.rand(1, 1200, 1).double() - 1
    target = torch.roll(x, 3, 1)
    layer.fit_readout(x[:, :1000], target[:, :1000], ridge=1e-8, washout=50)
    with torch.no_grad():
        error = (layer(x)[0] - target)[:, 1000:].square().mean() / x.var()
    assert error < 0.01


@pytest.mark.parametrize(("name", "options", "message"), [
    ("echo_state", {"leak": 0.0}, r"a leak in \(0, 1\]"),
    ("echo_state", {"radius": math.nan}, "a radius of 0 or more"),
])
def test_errors_say_what_to_do(name, options, message):
    with pytest.raises(InputError, match=message):
        create_layer(name, 4, **options)


def test_fit_readout_says_what_does_not_fit():
    layer, x = EchoState(2), torch.randn(1, 9, 2)
    for target, options in ((x[:, 1:], {}), (x, {"ridge": -1.0}), (x, {"washout": 9})):
        with pytest.raises(InputError, match="expected a target of shape"):
            layer.fit_readout(x, target, **options)
    with pytest.raises(InputError, match=r"at least 67 steps after the washout, .* got 9; try ridge=1e-6"):
        layer.fit_readout(x, x, ridge=0.0)
