"""sLSTM: its equations without the stabiliser, its start, and the laws with a recurrence that is not zero."""
import pytest
import torch
from torch import sigmoid, tanh
from torch.nn.functional import silu
from torch.testing import assert_close

from reprise.layers.nonlinear.gated.slstm import SLSTM
from reprise.testing.laws import checks, law_name

T = 9


def test_slstm_equations():
    """By the paper's equations, without the stabiliser, which divides c and n by the same."""
    H, d = 2, 4
    layer = SLSTM(H * d, H).double()
    with torch.no_grad():
        for p in layer.parameters():
            p.normal_(std=0.7)
    x = torch.randn(T, H * d, dtype=torch.float64)
    h, c, n, ys = (torch.zeros(H, d, dtype=torch.float64), 0, 0, [])
    past = torch.cat([torch.zeros(3, H * d, dtype=torch.float64), x])
    for t, x_t in enumerate(x):
        u = silu(layer.local.bias + sum(layer.local.weight[j] * past[3 + t - j] for j in range(4)))
        sums = torch.zeros(4, H, d, dtype=torch.float64)
        for k in range(H):
            here = slice(k * d, k * d + d)
            inward = [layer.from_u[0, k] @ u[here], layer.from_u[1, k] @ u[here],
                      layer.from_x[0, k] @ x_t[here], layer.from_x[1, k] @ x_t[here]]
            for j in range(4):
                sums[j, k] = inward[j] + layer.from_h[k, j * d : j * d + d] @ h[k] + layer.bias[j, here]
        i, f, z, o = torch.exp(sums[0]), sigmoid(sums[1]), tanh(sums[2]), sigmoid(sums[3])
        c, n = f * c + i * z, f * n + i
        h = o * c / n
        normed = (h - h.mean(1, keepdim=True)) / (h.var(1, correction=0, keepdim=True) + 1e-5).sqrt()
        ys.append(normed.flatten() * layer.gain)
    assert_close(layer(x[None])[0][0], torch.stack(ys))


@pytest.mark.parametrize("check", checks(), ids=law_name)
def test_slstm_obeys_every_law_once_its_recurrence_is_not_zero(check):
    torch.manual_seed(0)
    layer = SLSTM(8, 2).double()
    layer.from_h.data.normal_(std=0.5)
    check(layer)


def test_slstm_starts_as_the_authors_code():
    layer = SLSTM(64)
    assert layer.heads == 4 and not layer.from_h.any()
    for weight in (layer.from_u, layer.from_x):
        assert_close(weight.std(), torch.tensor((2 / 5 / 64) ** 0.5), rtol=0.1, atol=0)
    place = torch.arange(16) / 15
    assert_close(layer.bias[1].view(4, 16), (5 - 12 * place**0.3).expand(4, 16))
    layer.placed(3, 4)
    assert_close(layer.bias[1].view(4, 16), (5 - 12 * place**1.6).expand(4, 16))
    assert not layer.bias[[0, 2, 3]].any()
    assert SLSTM(4, 4).bias[1].tolist() == [5.0] * 4


@pytest.mark.parametrize(("width", "heads"), [(1, 1), (4, 1), (5, 1), (8, 2), (12, 2), (16, 4), (256, 4)])
def test_slstm_heads_fit_any_width(width, heads):
    assert SLSTM(width).heads == heads


def test_slstm_sums_in_float32():
    layer = SLSTM(8).bfloat16()
    y, state = layer(torch.randn(2, T, 8, dtype=torch.bfloat16))
    assert y.dtype == torch.bfloat16
    assert {part.dtype for part in state.memory} == {torch.float32}


def test_slstm_gates_as_large_as_one_likes():
    """What m is for: exp of these would be infinite, and their ratio is one."""
    layer = SLSTM(8).double()
    layer.bias.data[0] = 2000.0
    x = torch.randn(1, T, 8, dtype=torch.float64)
    y, state = layer(x)
    assert y.isfinite().all()
    layer.bias.data[0] = 0.0
    assert_close(layer(x)[0], y)
    assert state.memory.m.min() > 1500


def test_newtons_iteration_finds_the_same_from_nothing():
    """The first m is minus infinity: no number to begin the iteration from, nor to measure its residual by."""
    layer, newton = SLSTM(8).double(), SLSTM(8, solver="newton").double()
    layer.from_h.data.normal_(std=0.5)
    newton.load_state_dict(layer.state_dict())
    x = torch.randn(2, T, 8, dtype=torch.float64)
    resets = torch.zeros(2, T, dtype=torch.bool)
    resets[0, 3] = resets[1, 0] = True
    for marks in ({}, {"resets": resets}, {"lengths": torch.tensor([3, 5])}):
        assert_close(newton(x, **marks), layer(x, **marks))
