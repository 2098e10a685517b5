"""Piecewise-linear networks: their equations, their regions, how they start, and that the clipped one is bounded."""
import pytest
import torch
from torch.testing import assert_close

from reprise.layers.nonlinear.dynamics.clipped_plrnn import ClippedPLRNN
from reprise.layers.nonlinear.dynamics.plrnn import PLRNN


def shaken(layer):
    """With parameters away from where they start, where many are zero."""
    layer = layer.double()
    with torch.no_grad():
        for p in layer.parameters():
            p += 0.3 * torch.randn_like(p)
    return layer


@pytest.mark.parametrize(("build", "clipped"), [(PLRNN, 0), (ClippedPLRNN, 1)])
def test_equations(build, clipped):
    x = torch.randn(9, 5, dtype=torch.float64)
    layer, h, ys = shaken(build(5, hidden=7)), torch.zeros(5, dtype=torch.float64), []
    W1, W2, C = layer.gather.weight, layer.W2, layer.from_x.weight
    for x_t in x:
        inside = torch.clamp(W2 @ h + layer.b2, min=0) - clipped * torch.clamp(W2 @ h, min=0)
        h = torch.diag(layer.A) @ h + W1 @ inside + layer.gather.bias + C @ x_t
        ys.append(h)
    assert_close(layer(x[None])[0][0], torch.stack(ys))


def test_is_linear_within_a_region():
    """Its derivative is diag(A) + W1 diag(W2 h > -b2) W2, which those who analyse it go by."""
    layer, h = shaken(PLRNN(3)), torch.randn(3, dtype=torch.float64)
    found = torch.autograd.functional.jacobian(lambda h: layer.advance(torch.zeros(1, 3).double(), h[None])[0], h)
    on = (layer.W2 @ h > -layer.b2).double()
    assert_close(found, torch.diag(layer.A) + layer.gather.weight @ torch.diag(on) @ layer.W2)


def test_starts_as_the_authors_code():
    layer, clipped = PLRNN(30, hidden=200), ClippedPLRNN(30, hidden=200)
    assert layer.A.min() > 0.1 and layer.A.max() < 0.9  # K / largest eigenvalue, which is about 5
    for weight, inputs in ((layer.W2, 30), (layer.gather.weight, 200), (clipped.b2, 200)):
        assert 0.95 < weight.abs().max() * inputs**0.5 <= 1.0001
    assert not layer.b2.any() and not layer.gather.bias.any() and not clipped.gather.bias.any()


def test_clipped_is_bounded_where_the_plain_one_explodes():
    plain, clipped = PLRNN(6).double(), ClippedPLRNN(6).double()
    with torch.no_grad():
        for p in (plain.W2, plain.gather.weight):
            p.mul_(5)
    clipped.load_state_dict(plain.state_dict())
    clipped.b2.data.normal_()
    A, W1 = clipped.A.abs().max(), clipped.gather.weight
    x = torch.randn(1, 300, 6, dtype=torch.float64)
    most = (torch.linalg.matrix_norm(W1, 2) * clipped.b2.norm() + clipped.project(x).norm(dim=-1).max()) / (1 - A)
    assert clipped(x)[0].norm(dim=-1).max() <= most
    assert not plain(x)[0].norm(dim=-1).max() <= 1e6 * most
