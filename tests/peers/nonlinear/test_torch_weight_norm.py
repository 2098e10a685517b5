"""LSTM with weight normalisation against torch.nn.LSTM under torch's parametrization of that name."""
import copy

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import weight_norm
from torch.testing import assert_close

from reprise.layers.nonlinear.gated.weight_norm_lstm import WeightNormLSTM

B, T, D = 3, 20, 5
INTO = {"from_x": "weight_ih_l0", "from_h": "weight_hh_l0"}


def parameters(theirs: nn.LSTM, read) -> dict[str, torch.Tensor]:
    """What `read` says of their parameters, by the names of ours; their second bias stays zero."""
    found = {"bias": read(theirs.bias_ih_l0)}
    for ours, name in INTO.items():
        length, direction = theirs.parametrizations[name].original0, theirs.parametrizations[name].original1
        found |= {f"{ours}.length": read(length)[:, 0], f"{ours}.direction": read(direction)}
    return found


@pytest.fixture
def theirs() -> nn.LSTM:
    layer = nn.LSTM(D, D, batch_first=True).double()
    nn.init.zeros_(layer.bias_hh_l0)
    for name in INTO.values():
        weight_norm(layer, name, dim=0)
        layer.parametrizations[name].original0.data *= 1 + torch.rand(4 * D, 1, dtype=torch.float64)
    return layer


def test_same_function(theirs, agree):
    ours = WeightNormLSTM(D).double()
    ours.load_state_dict(parameters(theirs, torch.detach))
    x, seed = torch.randn(B, T, D, dtype=torch.float64), torch.randn(B, T, D, dtype=torch.float64)
    left, right = x.clone().requires_grad_(), x.clone().requires_grad_()
    (y, state), (want, last) = ours(left), theirs(right)
    y.backward(seed)
    want.backward(seed)
    close = {"rtol": 1e-7, "atol": 1e-7}
    agree("weight_norm_lstm", "torch", "forward", y, want, **close)
    agree("weight_norm_lstm", "torch", "state", state.memory, [z[0] for z in last], **close)
    agree("weight_norm_lstm", "torch", "gradient", left.grad, right.grad, **close)
    grads = {name: p.grad for name, p in ours.named_parameters()}
    agree("weight_norm_lstm", "torch", "gradient", grads, parameters(theirs, lambda p: p.grad), **close)


def test_it_starts_as_the_weight_it_is_given():
    layer = WeightNormLSTM(D)
    for part in (layer.from_x, layer.from_h):
        assert_close(part(), part.direction)
        assert_close(part.length, part.direction.norm(dim=1))
    assert (layer.bias[D : 2 * D] == 1).all()
    assert (layer.from_x.direction.abs() <= D**-0.5).all()


def test_a_direction_is_pushed_at_right_angles():
    """So that it only ever grows longer (the paper, sec. 2.1)."""
    layer = WeightNormLSTM(D).double()
    layer(torch.randn(B, T, D, dtype=torch.float64))[0].square().sum().backward()
    for part in (layer.from_x, layer.from_h):
        along = (part.direction * part.direction.grad).sum(1)
        assert part.direction.grad.abs().max() > 0.01
        assert_close(along, torch.zeros_like(along), atol=1e-12, rtol=0)


def test_norms_are_taken_once_a_sequence(monkeypatch):
    layer, calls = WeightNormLSTM(D), []
    plain = type(layer.from_h).forward
    monkeypatch.setattr(type(layer.from_h), "forward", lambda self: calls.append(1) or plain(self))
    layer(torch.randn(B, T, D))
    layer(torch.randn(B, T, D), resets=torch.zeros(B, T, dtype=torch.bool))
    assert len(calls) == 4


def test_a_copy_learns_for_itself():
    layer = WeightNormLSTM(D)
    twin = copy.deepcopy(layer)
    twin.from_h.length.data.zero_()
    x = torch.randn(B, T, D)
    assert not torch.equal(layer(x)[0], twin(x)[0])
