"""Linear attentions with a normaliser against sums over all pairs, written from the papers; and reading a prefix."""
import math

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from reprise.core.errors import InputError
from reprise.layers.memory.kernel import _weighted_mean
from reprise.layers.memory.kernel._taylor import taylor
from reprise.layers.memory.kernel.linear_attention import LinearAttention, phi
from reprise.layers.registry import create_layer
from reprise.testing.by_hand import filled

T, D, H = 30, 8, 2


def by_head(layer, name: str, x) -> np.ndarray:
    linear = getattr(layer, name)
    z = x.numpy() @ linear.weight.detach().numpy().T
    return (z if linear.bias is None else z + linear.bias.detach().numpy()).reshape(len(x), H, -1)


def elu(q, k):
    positive = [np.where(z > 0, z + 1, np.exp(np.minimum(z, 0))) for z in (q, k)]
    return positive[0] @ positive[1]


def series(q, k):
    s = q @ k / math.sqrt(len(q))
    return 1 + s + s**2 / 2


def attention(layer, x, weight, prefix: int = 0):
    """Each step's mean of all values up to it, and of those of the prefix, by the weight of their keys."""
    q, k, v = (by_head(layer, name, x) for name in ("query", "key", "value"))
    y = np.zeros_like(v)
    for t in range(len(x)):
        for h in range(H):
            seen = [(weight(q[t, h], k[j, h]), v[j, h]) for j in range(t + 1)]
            if prefix:
                ke, ve = by_head(layer, "prefix_key", x), by_head(layer, "prefix_value", x)
                seen += [(weight(q[t, h], ke[j, h]), ve[j, h]) for j in range(prefix)]
            y[t, h] = sum(w * u for w, u in seen) / sum(w for w, _ in seen)
    out = y.reshape(len(x), D) @ layer.out.weight.detach().numpy().T
    return out if layer.out.bias is None else out + layer.out.bias.detach().numpy()


def build(name: str):
    return filled(create_layer(name, D, heads=H, **({} if name == "linear_attention" else {"features": 3})))


@pytest.fixture
def exact(monkeypatch):
    monkeypatch.setattr(_weighted_mean, "EPS", 0.0)


@pytest.mark.parametrize(
    ("name", "weight"), [("linear_attention", elu), ("based", series), ("prefix_linear_attention", series)])
def test_what_is_read_is_a_weighted_mean(name, weight, exact):
    layer, x = build(name), torch.randn(T, D, dtype=torch.float64)
    got = layer(x[None])[0][0].detach().numpy()
    np.testing.assert_allclose(got, attention(layer, x, weight), rtol=1e-9, atol=1e-11)


def test_a_constant_value_is_read_as_it_is():
    layer, x = LinearAttention(D, H), torch.randn(2, 500, D)
    torch.nn.init.zeros_(layer.value.weight)
    torch.nn.init.ones_(layer.value.bias)
    assert_close(layer(x)[0], layer.out(torch.ones(2, 500, D)), rtol=1e-4, atol=1e-4)


def test_phi_keeps_its_digits_where_it_is_small():
    z = torch.tensor([-80.0, -20.0, -1e-3, 0.0, 2.0])
    assert_close(phi(z), torch.where(z > 0, z + 1, z.double().exp().float()))


def test_keys_far_from_every_query_read_nothing_and_have_gradients():
    layer, x = LinearAttention(D, H), torch.randn(2, T, D)
    for linear in (layer.query, layer.key):
        torch.nn.init.constant_(linear.bias, -60.0)
    y, _ = layer(x)
    y.sum().backward()
    assert_close(y, layer.out.bias.expand_as(y), atol=1e-3, rtol=0)
    assert all(p.grad.isfinite().all() for p in layer.parameters())


@pytest.mark.parametrize("N", [1, 2, 16])
def test_taylor_is_the_series(N):
    q, k = torch.randn(2, 5, N, dtype=torch.float64)
    s = (q * k).sum(-1) / math.sqrt(N)
    assert_close((taylor(q) * taylor(k)).sum(-1), 1 + s + s**2 / 2)
    assert taylor(q).shape[-1] == (N + 1) * (N + 2) // 2


def test_a_prefix_is_read_whole_and_then_carried_on(exact):
    layer, x, M = build("prefix_linear_attention"), torch.randn(T, D, dtype=torch.float64), 12
    read, state = layer.read_prefix(x[None, :M])
    more, _ = layer(x[None, M:], state)
    want = attention(layer, x, series, prefix=M)
    np.testing.assert_allclose(torch.cat([read, more], 1)[0].detach().numpy(), want, rtol=1e-9, atol=1e-11)


def test_padded_prefixes_are_read_as_if_alone():
    layer, lengths = build("prefix_linear_attention"), [5, 0, 9]
    x = torch.randn(3, 9, D, dtype=torch.float64)
    x[0, 5:] = torch.nan
    y, state = layer.read_prefix(x, torch.tensor(lengths))
    for i, M in enumerate(lengths):
        alone, end = layer.read_prefix(x[i : i + 1, :M])
        assert_close(y[i, :M], alone[0])
        assert not y[i, M:].any()
        assert_close(state.memory[i], end.memory[0])


def test_everything_of_a_prefix_learns():
    layer, x = build("prefix_linear_attention"), torch.randn(2, 6, D, dtype=torch.float64)
    y, state = layer.read_prefix(x)
    (y.square().sum() + state.memory.square().sum()).backward()
    assert all(p.grad.any() for p in layer.parameters())
    first = torch.autograd.grad(layer.read_prefix(x.requires_grad_())[0][:, 0].square().sum(), x)[0]
    assert first[:, 5].any(), "the first output sees the last step of its prefix"


def test_prefix_errors_and_types():
    layer = create_layer("prefix_linear_attention", D)
    with pytest.raises(InputError, match=f"expected x of shape \\(B, T, {D}\\)"):
        layer.read_prefix(torch.randn(2, 3, D + 1))
    with pytest.raises(InputError, match="lengths from 0 to T=3"):
        layer.read_prefix(torch.randn(2, 3, D), torch.tensor([1, 4]))
    y, state = layer.bfloat16().read_prefix(torch.randn(2, 3, D, dtype=torch.bfloat16))
    assert (y.dtype, state.memory.dtype) == (torch.bfloat16, torch.float32)
    with pytest.raises(InputError, match="features of 1 or more, got 0"):
        create_layer("based", D, features=0)
