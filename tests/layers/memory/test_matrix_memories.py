"""Mamba-2, mLSTM, GLA and HGRN2 against loops in NumPy, written from the papers; how they start and what they claim."""
import math

import numpy as np
import pytest
import torch

from reprise.core.errors import InputError
from reprise.core.state import named_tensors
from reprise.layers.memory.gated import mlstm as mlstm_file
from reprise.layers.memory.gated.gla import GLA
from reprise.layers.memory.gated.hgrn2 import HGRN2
from reprise.layers.memory.gated.mamba2 import Mamba2
from reprise.layers.memory.gated.mlstm import MLSTM
from reprise.layers.registry import create_layer
from reprise.ops.linear_attention import Association
from reprise.testing.by_hand import filled, weights

T = 40


def assert_is(layer, loop, *options):
    x = torch.randn(1, T, layer.width, dtype=torch.float64)
    want = loop(x[0].numpy(), weights(layer), *options)
    np.testing.assert_allclose(layer(x)[0][0].detach().numpy(), want, rtol=1e-9, atol=1e-11)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def silu(z):
    return z * sigmoid(z)


def convolved(z, p, name):
    """Taps from the latest input back."""
    taps = p[f"{name}weight"]
    past = np.concatenate([np.zeros((len(taps) - 1, z.shape[1])), z])
    return p[f"{name}bias"] + sum(tap * past[len(taps) - 1 - j : len(past) - j] for j, tap in enumerate(taps))


def root_mean_square(z):
    return np.sqrt((z**2).mean(-1, keepdims=True) + 1e-5)


def mamba2(x, p, heads, states, groups, limits):
    """Dao & Gu 2024, sec. 7.1: every head with the B and C of its group."""
    E, low, high = len(p["norm_scale"]), *limits
    K, N = E // heads, states
    u = silu(convolved(x @ p["local.from_x.weight"].T, p, "local."))
    dt = np.clip(np.log1p(np.exp(x @ p["rate.weight"].T + p["dt"])), low, high)
    S, y = np.zeros((heads, K, N)), np.zeros((len(x), E))
    for t in range(len(x)):
        for h in range(heads):
            g = h // (heads // groups)
            own, of_group = u[t, h * K : (h + 1) * K], E + g * N
            B, C = u[t, of_group : of_group + N], u[t, of_group + groups * N : of_group + (groups + 1) * N]
            S[h] = np.exp(-np.exp(p["log_A"][h]) * dt[t, h]) * S[h] + dt[t, h] * np.outer(own, B)
            y[t, h * K : (h + 1) * K] = S[h] @ C + p["D"][h] * own
    y = (y * silu(x @ p["gate.weight"].T)).reshape(len(x), groups, -1)
    return ((y / root_mean_square(y)).reshape(len(x), -1) * p["norm_scale"]) @ p["out.weight"].T


@pytest.mark.parametrize("groups, limits", [(1, None), (2, (0.1, 0.8)), (4, None)])
def test_mamba2_is_the_papers_loop(groups, limits):
    layer = Mamba2(6, heads=4, states=5, groups=groups, kernel_size=3, dt_limit=limits)
    assert_is(filled(layer), mamba2, 4, 5, groups, limits or (0, math.inf))


def test_mamba2_starts_as_the_authors_code():
    layer = Mamba2(512, hidden=2048, heads=1024)
    dt, A = torch.nn.functional.softplus(layer.dt), layer.log_A.exp()
    assert 0.001 <= dt.min() < 0.0011 and 0.09 < dt.max() <= 0.1001
    assert dt.log().mean().item() == pytest.approx(math.log(0.01), abs=0.15)  # log-uniform
    assert 1 <= A.min() < 1.1 and 15.9 < A.max() <= 16.001 and (layer.D == 1).all()
    assert layer.memory_shape == (1024, 128, 2)


def test_mamba2_has_heads_of_64():
    assert Mamba2(256).memory_shape == (8, 128, 64)


def mlstm(x, p, heads):
    """Beck et al. 2024, eq. 19 to 27, with nothing that keeps exp in range."""
    E = len(p["skip"])
    K = E // heads
    z = x @ p["local.convolution.from_x.weight"].T
    u = silu(convolved(z, p, "local.convolution."))
    q, k, v = (np.einsum("tni,nji->tnj", w.reshape(len(x), *p[name].shape[:2]), p[name]).reshape(len(x), E)
               for w, name in ((u, "query"), (u, "key"), (z, "value")))
    every = np.concatenate([q, k, v], 1)
    i, f = (np.exp(every @ p[f"{g}.weight"].T + p[f"{g}.bias"]) for g in ("enter", "forget"))
    C, n, y = np.zeros((heads, K, K)), np.zeros((heads, K)), np.zeros((len(x), E))
    for t in range(len(x)):
        for h in range(heads):
            own = slice(h * K, (h + 1) * K)
            key, forget = k[t, own] / math.sqrt(K), f[t, h] / (1 + f[t, h])
            C[h] = forget * C[h] + i[t, h] * np.outer(v[t, own], key)
            n[h] = forget * n[h] + i[t, h] * key
            out = C[h] @ q[t, own] / max(abs(n[h] @ q[t, own]), 1)
            y[t, own] = (out - out.mean()) / np.sqrt(out.var() + 1e-5) * p["norm_scale"][own]
    return ((y + p["skip"] * u) * silu(x @ p["gate.weight"].T)) @ p["out.weight"].T


@pytest.mark.parametrize("enter", [-3.0, 0.0, 6.0])  # the normaliser is 1, some of both, and |n . q|
def test_mlstm_is_the_papers_loop_without_a_stabiliser(enter, monkeypatch):
    monkeypatch.setattr(mlstm_file, "EPS", 0.0)
    layer = filled(MLSTM(8, heads=2, kernel_size=3))
    with torch.no_grad():
        layer.enter.bias += enter
    assert_is(layer, mlstm, 2)


def test_mlstm_forgets_how_large_its_gates_were():
    """Once |n . q| is the normaliser, a factor common to all weights changes nothing, past float32 too."""
    layer, x, found = MLSTM(8, heads=2), torch.randn(2, T, 8), []
    for enter in (60.0, 400.0):
        torch.nn.init.constant_(layer.enter.bias, enter)
        found.append(layer(x)[0])
    torch.testing.assert_close(*found, rtol=1e-3, atol=1e-4)


def test_mlstm_hears_after_a_long_whisper():
    layer, x = MLSTM(8, heads=2), torch.randn(2, T, 8)
    with torch.no_grad():
        torch.nn.init.constant_(layer.enter.bias, -300.0)
        y, state = layer(x)
        assert y.isfinite().all()
        torch.nn.init.constant_(layer.enter.bias, 0.0)
        fresh = layer.initial_state(2)
        want, _ = layer(x, state._replace(memory=fresh.memory))
    torch.testing.assert_close(layer(x, state)[0], want)


def test_mlstm_starts_as_the_authors_code():
    layer = MLSTM(64, heads=4)
    layer.placed(2, 6)
    assert layer.forget.bias.tolist() == [3, 4, 5, 6] and not layer.forget.weight.any() and not layer.enter.weight.any()
    for p, std in ((layer.query, math.sqrt(2 / 5 / 64)), (layer.gate.weight, math.sqrt(2 / 5 / 64)),
                   (layer.out.weight, 2 / 6 / 8)):
        assert p.std().item() == pytest.approx(std, rel=0.1)
    assert layer.query.shape == (32, 4, 4) and layer.memory_shape == (4, 32, 32)


def gla(x, p, heads, tau):
    """Yang et al. 2023, eq. 3 and sec. 4.4."""
    D, S = x.shape[1], [0.0] * heads
    q, k, v, gate = (x @ p[f"{name}.weight"].T for name in ("query", "key", "value", "gate"))
    alpha = sigmoid(x @ p["decay.0.weight"].T @ p["decay.1.weight"].T + p["decay.1.bias"]) ** (1 / tau)
    q, k, v, alpha = (z.reshape(len(x), heads, -1) for z in (q, k, v, alpha))
    y = np.zeros((len(x), heads, D // heads))
    for t in range(len(x)):
        for h in range(heads):
            S[h] = alpha[t, h][:, None] * S[h] + np.outer(k[t, h], v[t, h])
            y[t, h] = S[h].T @ q[t, h] / math.sqrt(k.shape[-1])
    y = y / root_mean_square(y) * p["norm.weight"]
    return (y.reshape(len(x), D) * silu(gate)) @ p["out.weight"].T


@pytest.mark.parametrize("heads, key, tau", [(2, None, 16.0), (1, 3, 2.0)])
def test_gla_is_the_papers_loop(heads, key, tau):
    assert_is(filled(GLA(8, heads, key, rank=3, tau=tau)), gla, heads, tau)


def test_gla_starts_slow_to_forget():
    layer = GLA(64)
    assert layer.memory_shape == (2, 16, 32) and layer.decay[0].weight.shape == (16, 64)
    log_w = layer.project(torch.randn(4, 10, 64)).log_w
    assert log_w.mean().item() == pytest.approx(math.log(0.5) / 16, rel=0.1)
    bound = 2**-2.5 * math.sqrt(6 / 128)
    assert 0.95 * bound < layer.value.weight.abs().max().item() <= bound


def hgrn2(x, p, heads):
    """Qin et al. 2024, sec. 3: the input gate is what the forget gate leaves, and the output gate the query."""
    gamma, S, y = sigmoid(p["bound"]), [0.0] * heads, np.zeros_like(x)
    f = gamma + (1 - gamma) * sigmoid(x @ p["forget.weight"].T)
    q, v = silu(x @ p["query.weight"].T), x @ p["value.weight"].T
    K = x.shape[1] // heads
    for t in range(len(x)):
        for h in range(heads):
            own = slice(h * K, (h + 1) * K)
            S[h] = f[t, own][:, None] * S[h] + np.outer(1 - f[t, own], v[t, own])
            y[t, own] = S[h].T @ q[t, own] / math.sqrt(K)
    return (y / root_mean_square(y) * p["norm.weight"]) @ p["out.weight"].T


@pytest.mark.parametrize("heads", [1, 2, 8])
def test_hgrn2_is_the_papers_loop(heads):
    assert_is(filled(HGRN2(8, heads)), hgrn2, heads)


@pytest.mark.parametrize("index, depth, bound", [(0, 4, 0.01), (1, 4, 0.25), (3, 4, 0.75), (0, 1, 0.01)])
def test_hgrn2_forgets_less_in_deeper_layers(index, depth, bound):
    layer = HGRN2(4)
    layer.placed(index, depth)
    f = layer.project(50 * torch.randn(1, 100, 4)).log_w.exp()
    assert bound - 1e-6 <= f.min() < bound + 1e-3


def test_hgrn2_that_keeps_nothing_has_a_gradient():
    layer = HGRN2(4)
    torch.nn.init.constant_(layer.bound, -200.0)  # gamma = 0 exactly
    layer((1e3 * torch.randn(2, T, 4)).requires_grad_())[0].sum().backward()
    assert all(p.grad.isfinite().all() for p in layer.parameters())


@pytest.mark.parametrize("name, options, message", [
    ("mamba2", {"heads": 3}, "hidden=8 is not divisible by heads=3; try heads=2"),
    ("mamba2", {"heads": 4, "groups": 3}, "heads=4 are not divisible by groups=3; try groups=2"),
    ("mamba2", {"dt_limit": (0.5, 0.1)}, "0 <= low < high, got"),
    ("mlstm", {"block_size": 3}, "hidden=8 is not divisible by block_size=3; try block_size=2"),
    ("gla", {"tau": 0.0}, "expected tau above 0, got 0.0"),
    ("gla", {"rank": 0}, "rank of 1 or more"),
    ("hgrn2", {"heads": 3}, "width=4 is not divisible by heads=3; try heads=2"),
])
def test_errors_say_what_to_do(name, options, message):
    with pytest.raises(InputError, match=message):
        create_layer(name, 4, **options)


@pytest.mark.parametrize("name", ["mamba2", "mlstm", "gla", "hgrn2"])
def test_memories_are_wider_than_bfloat16(name):
    layer = create_layer(name, 4).bfloat16()
    _, state = layer(torch.randn(2, 3, 4, dtype=torch.bfloat16))
    assert {s.dtype for n, s in named_tensors(state) if not n.startswith("local")} == {torch.float32}


def test_associations_are_one_number_a_head_or_one_a_channel():
    x = torch.randn(2, 3, 8)
    for layer, rates in ((GLA(8, 2, key=3), 3), (HGRN2(8, 2), 4)):
        p = layer.project(x)
        assert isinstance(p, Association) and p.log_w.shape == (2, 3, 2, rates) and (p.log_w < 0).all()
