"""Convolutions whose tails are carried, against loops in NumPy, written from the papers; and how they start."""
import math

import numpy as np
import pytest
import torch

from reprise.core.errors import InputError
from reprise.core.marks import NO_MARKS
from reprise.core.state import named_tensors
from reprise.layers.convolution.ckconv import CKConv
from reprise.layers.convolution.multiresconv import MultiresConv
from reprise.layers.convolution.trellisnet import TrellisNet
from reprise.testing import prove
from reprise.testing.by_hand import filled

T = 50


def compare(layer, want, width, atol=1e-12):
    """The layer over T steps against `want(x, parameters)`, one row at a time."""
    x = torch.randn(1, T, width, dtype=torch.float64)
    parameters = {name: p.detach().numpy() for name, p in layer.named_parameters()}
    np.testing.assert_allclose(layer(x)[0][0].detach().numpy(), want(x[0].numpy(), parameters), atol=atol)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def before(z, t):
    return z[t] if t >= 0 else np.zeros_like(z[0])


def multiresconv(x, p, levels):
    """Shi et al. 2023, eq. 3 to 5, level by level and step by step."""
    a, m, K = x, p["reading"][-1] * x, len(p["low"])
    for j in range(levels):
        taps = [np.array([before(a, t - k * 2**j) for t in range(len(x))]) for k in range(K)]
        m = m + p["reading"][j] * sum(p["high"][k] * taps[k] for k in range(K))
        a = sum(p["low"][k] * taps[k] for k in range(K))
    m = m + p["reading"][levels] * a
    erf = np.vectorize(math.erf)
    value, gate = np.split((m * (1 + erf(m / math.sqrt(2))) / 2) @ p["mix.weight"].T + p["mix.bias"], 2, axis=1)
    return value * sigmoid(gate)


@pytest.mark.parametrize(("options", "levels"), [
    ({}, 10), ({"context": 9}, 4), ({"context": 8}, 3), ({"kernel_size": 4, "context": 22}, 3), ({"context": 1}, 1)])
def test_multiresconv_is_the_papers_tree(options, levels):
    layer = filled(MultiresConv(3, **options))
    assert layer.levels == levels
    compare(layer, lambda x, p: multiresconv(x, p, levels), 3)


def test_multiresconv_carries_about_as_much_as_it_sees():
    layer = MultiresConv(3, kernel_size=3, context=31)
    assert [s.shape[1] for _, s in named_tensors(layer.initial_state(1))] == [2, 4, 8, 16]


def test_a_tree_of_filters_that_add_up_to_nothing_done_loses_nothing():
    layer = MultiresConv(3).double()
    with torch.no_grad():
        layer.high.copy_(torch.tensor([[1.0], [0.0]]) - layer.low)
        layer.reading.fill_(1.0)
        layer.reading[-1] = 0.0
    x = torch.randn(2, T, 3, dtype=torch.float64)
    read, _ = layer.recur(x, layer.initial_memory(2), NO_MARKS)
    torch.testing.assert_close(read, x)


def test_laws_hold_where_trees_are_short():
    prove(MultiresConv(4, kernel_size=3, context=9))


def test_multiresconv_starts_as_its_authors_do():
    layer = MultiresConv(512, kernel_size=4, context=64)
    assert layer.low.abs().max().item() == pytest.approx(0.5, rel=0.01)
    assert layer.reading.abs().max().item() == pytest.approx(math.sqrt(2 / (2 * (layer.levels + 1) + 2)), rel=0.01)


def trellisnet(x, p, dilations):
    """Bai et al. 2019, eq. 3, 4 and 7, from the first level to the last."""
    N = p["from_z.weight"].shape[1] // 2
    z = c = np.zeros((len(x), N))
    for d in dilations:
        next_z, next_c = np.zeros_like(z), np.zeros_like(c)
        for t in range(len(x)):
            heard = p["from_x.weight"] @ np.concatenate([before(x, t - d), x[t]]) + p["from_x.bias"]
            gates = heard + p["from_z.weight"] @ np.concatenate([before(z, t - d), z[t]])
            f, i, o, g = np.split(gates, 4)
            next_c[t] = sigmoid(f) * before(c, t - d) + sigmoid(i) * np.tanh(g)
            next_z[t] = sigmoid(o) * np.tanh(next_c[t])
        z, c = next_z, next_c
    return z[:, -x.shape[1] :]


@pytest.mark.parametrize(("options", "dilations"), [
    ({"depth": 4}, [1] * 4), ({"depth": 5, "hidden": 5, "dilations": (1, 2, 4)}, [1, 2, 4, 1, 2]),
    ({"depth": 1}, [1]), ({"depth": 3, "dilations": [3]}, [3] * 3)], ids=str)
def test_trellisnet_is_the_papers_network(options, dilations):
    compare(filled(TrellisNet(3, **options)), lambda x, p: trellisnet(x, p, dilations), 3)


def test_a_trellis_is_a_truncated_recurrent_network():
    """Theorem 1: the older tap has the recurrence of each of L layers, the newer what feeds it; depth M + L - 1."""
    D, M = 3, 8
    U, V, W, R = torch.randn(4, D, D, dtype=torch.float64)  # recurrent and feeding, of the first layer and the second
    layer = TrellisNet(D, hidden=2 * D, depth=M + 1).double()
    with torch.no_grad():
        for p in layer.parameters():
            p.zero_()
        gates = layer.from_x.bias.view(4, 2 * D)
        gates[0], gates[1:3] = -1e3, 1e3  # nothing of c is kept, all of g goes through
        layer.from_x.weight.view(4, 2 * D, 2, D)[3, :D, 1] = V
        kernel = layer.from_z.weight.view(4, 2 * D, 2, 2 * D)[3]
        kernel[:D, 0, :D], kernel[D:, 0, D:], kernel[D:, 1, :D] = U, W, R
    x = torch.randn(1, T, D, dtype=torch.float64)
    want = []
    for t in range(T):
        first = second = torch.zeros(D, dtype=torch.float64)
        for now in x[0, max(0, t - M + 1) : t + 1]:
            first = torch.tanh(torch.tanh(U @ first + V @ now))
            second = torch.tanh(torch.tanh(W @ second + R @ first))
        want.append(second)
    torch.testing.assert_close(layer(x)[0][0], torch.stack(want))


def test_laws_hold_for_a_dilated_trellis():
    prove(TrellisNet(4, hidden=5, depth=4, dilations=(1, 2, 4)))


def test_trellisnet_says_what_is_too_small():
    with pytest.raises(InputError, match=r"expected hidden of width=4 or more, .*, got 3; try hidden=4"):
        TrellisNet(4, hidden=3)
    for none in ((), 3):
        with pytest.raises(InputError, match="at least one dilation"):
            TrellisNet(4, dilations=none)
    with pytest.raises(InputError, match="expected dilations of 1 or more, got 0"):
        TrellisNet(4, dilations=(1, 0))


def test_trellisnet_starts_small():
    for p in TrellisNet(64).parameters():
        assert p.std().item() == pytest.approx(0.01, rel=0.1)


def ckconv(x, p, context, frequency):
    """Romero et al. 2022, eq. 1 and 3: the network's value at every lag, then the sum."""
    D, y = x.shape[1], np.zeros_like(x)
    for j in range(context):
        z = np.array([1 - 2 * j / max(context - 1, 1)])
        rows = [p["into"]] + [p[f"gains.{i}"] * (d := p[f"directions.{i}"]) / np.sqrt((d**2).sum(1, keepdims=True))
                              for i in range(2)]
        for i, weight in enumerate(rows):
            z = weight @ z + p[f"biases.{i}"]
            z = np.sin(frequency * z) if i < 2 else z
        for t in range(j, len(x)):
            y[t] += x[t - j] @ z.reshape(D, D)
    return y + p["bias"]


@pytest.mark.parametrize("options", [
    {}, {"context": 9, "frequency": 3.0}, {"context": 1, "kernel_hidden": 5}, {"context": T}], ids=str)
def test_ckconv_is_the_papers_sum(options):
    layer = filled(CKConv(3, **options))
    compare(layer, lambda x, p: ckconv(x, p, layer.context, layer.frequency), 3, atol=1e-11)


def test_ckconv_sees_nothing_of_the_future_but_rounding():
    layer, x = CKConv(3, context=9).double(), torch.randn(2, T, 3, dtype=torch.float64, requires_grad=True)
    (grad,) = torch.autograd.grad(layer(x)[0][0, 20].sum(), x)
    assert grad[0, 12:21].abs().min() > 1e-6
    assert max(grad[0, 21:].abs().max(), grad[0, :12].abs().max()) < 1e-15 and not grad[1].any()


@pytest.mark.parametrize("rate", [2.0, 0.5])
def test_ckconv_hears_the_same_at_another_rate(rate):
    layer = CKConv(2, context=65, frequency=2.0).double()

    def smooth(rate, width=2):
        t = torch.arange(int(128 * rate), dtype=torch.float64)[:, None] / rate
        return torch.sin(t * torch.tensor([0.11, 0.23]))[None]

    usual, other = layer(smooth(1))[0], layer.at_rate(smooth(rate), rate)
    common = (usual[:, :: int(1 / rate)], other) if rate < 1 else (usual, other[:, :: int(rate)])
    error = (common[0] - common[1]).norm() / common[0].norm()
    naive = layer.at_rate(smooth(rate), 1.0)
    naive = naive if rate < 1 else naive[:, :: int(rate)]
    assert error < 0.1 and 3 * error < (common[0] - naive).norm() / common[0].norm()


def test_ckconv_keeps_variance_as_it_starts():
    x = torch.randn(4, 1000, 16)
    assert CKConv(16)(x)[0][:, 200:].var().item() == pytest.approx(1, rel=0.2)


def test_ckconv_says_what_is_no_rate():
    for rate in (0.0, math.inf):
        with pytest.raises(InputError, match="expected a rate above 0"):
            CKConv(2).at_rate(torch.zeros(1, 3, 2), rate)
    with pytest.raises(InputError, match="expected a frequency above 0, got 0"):
        CKConv(2, frequency=0.0)
