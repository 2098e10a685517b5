"""RetNet and Gated DeltaNet against loops in NumPy, written from the papers; and how they start."""
import math

import numpy as np
import pytest
import torch

from reprise.bases.matrix_memory import usual_heads
from reprise.core.errors import InputError
from reprise.core.state import named_tensors
from reprise.layers.memory.gated_deltanet import GatedDeltaNet
from reprise.layers.memory.retnet import RetNet
from reprise.layers.memory.rwkv.rwkv7 import RWKV7
from reprise.testing.by_hand import filled, weights

T = 40


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def retention(x, p, heads):
    """Sun et al. 2023, eq. 3 and 8, as the sum over all earlier steps: pairs of components are complex numbers."""
    K = x.shape[1] // heads
    half = K // 2
    theta = np.concatenate([10000.0 ** -np.linspace(0, 1, half), np.zeros(K % 2)])
    outs = np.zeros_like(x)
    for h in range(heads):
        own = slice(h * K, (h + 1) * K)
        q, k, v = (x @ p[f"{name}.weight"][own].T for name in ("query", "key", "value"))
        q, k = (np.concatenate([z[:, :half] + 1j * z[:, half : 2 * half], z[:, 2 * half :]], 1) for z in (q, k))
        gamma = 1 - 2.0 ** (-5 - h)
        for n in range(len(x)):
            o = sum(gamma ** (n - m) * (q[n] * np.exp(1j * (n - m) * theta) * k[m].conj()).sum().real * v[m]
                    for m in range(n + 1)) / math.sqrt(K)
            outs[n, own] = o / np.sqrt((o**2).mean() + 1e-6)
    gate = x @ p["gate.weight"].T
    return (gate * sigmoid(gate) * outs) @ p["out.weight"].T


@pytest.mark.parametrize("width, heads", [(8, 2), (4, 1), (12, 3), (6, 2)])
def test_retnet_is_the_papers_sum(width, heads):
    layer, x = filled(RetNet(width, heads)), torch.randn(1, T, width, dtype=torch.float64)
    want = retention(x[0].numpy(), weights(layer), heads)
    np.testing.assert_allclose(layer(x)[0][0].detach().numpy(), want, atol=1e-12)


@pytest.mark.parametrize("dtype, tolerance", [(torch.float64, 1e-8), (torch.float32, 1e-4)])
def test_retnet_turns_truly_after_a_million_steps(dtype, tolerance):
    layer, x = RetNet(64).to(dtype), torch.randn(2, 20, 64, dtype=dtype)
    state = layer.initial_state(2)
    late = state._replace(memory=state.memory._replace(position=state.memory.position + 1_000_000))
    torch.testing.assert_close(layer(x, late)[0], layer(x)[0], rtol=0, atol=tolerance)


def test_retnet_counts_its_own_sequence():
    resets = torch.zeros(3, 6, dtype=torch.bool)
    resets[1, [0, 4]] = True
    _, state = RetNet(4)(torch.randn(3, 6, 4), lengths=torch.tensor([6, 6, 2]), resets=resets)
    assert state.memory.position.tolist() == [6, 2, 2]


def gated_deltanet(x, p, heads):
    """Yang et al. 2024, eq. 10 and fig. 1, with the decay of Mamba-2."""
    D = x.shape[1]
    K = D // heads
    u = x @ p["local.from_x.weight"].T
    past = np.concatenate([np.zeros((3, 3 * D)), u])
    u = sum(p["local.weight"][j] * past[3 - j : 3 - j + len(x)] for j in range(4))
    u = u * sigmoid(u)
    alpha = np.exp(-np.exp(p["log_A"]) * np.log1p(np.exp(x @ p["rate.weight"].T + p["dt"])))
    beta, gate = sigmoid(x @ p["strength.weight"].T), x @ p["gate.weight"].T
    y, S = np.zeros_like(x), np.zeros((heads, K, K))
    for t in range(len(x)):
        for h in range(heads):
            q, k, v = (u[t, i * D + h * K : i * D + (h + 1) * K] for i in range(3))
            q, k = (z / np.sqrt((z**2).sum() + 1e-6) for z in (q, k))
            S[h] = alpha[t, h] * S[h] @ (np.eye(K) - beta[t, h] * np.outer(k, k)) + beta[t, h] * np.outer(v, k)
            o = S[h] @ q / math.sqrt(K)
            y[t, h * K : (h + 1) * K] = o / np.sqrt((o**2).mean() + 1e-5) * p["norm.weight"]
    return (y * gate * sigmoid(gate)) @ p["out.weight"].T


@pytest.mark.parametrize("width, heads", [(8, 2), (6, 1)])
def test_gated_deltanet_is_the_papers_loop(width, heads):
    layer, x = filled(GatedDeltaNet(width, heads)), torch.randn(1, T, width, dtype=torch.float64)
    want = gated_deltanet(x[0].numpy(), weights(layer), heads)
    np.testing.assert_allclose(layer(x)[0][0].detach().numpy(), want, atol=1e-12)


@pytest.mark.parametrize(
    "width, heads", {1: 1, 2: 1, 4: 2, 5: 1, 6: 2, 64: 2, 96: 2, 128: 2, 200: 4, 256: 4, 768: 12, 254: 2, 262: 2,
                      514: 2, 381: 3}.items())
def test_heads_nobody_asked_for(width, heads):
    assert usual_heads(width) == heads
    layer = RetNet(width)
    assert layer.memory_shape == (heads, width // heads, width // heads)
    assert layer(torch.randn(1, 3, width))[0].isfinite().all()


@pytest.mark.parametrize("cls", [RetNet, GatedDeltaNet, RWKV7])
def test_heads_must_divide(cls):
    with pytest.raises(InputError, match=f"^{cls.__name__}: width=4 is not divisible by heads=3; try heads=2$"):
        cls(4, heads=3)
    with pytest.raises(InputError, match="try heads=1"):
        cls(4, heads=0)


def test_sizes_must_be_positive():
    with pytest.raises(InputError, match="expand of 1 or more, got 0"):
        GatedDeltaNet(4, expand=0)
    with pytest.raises(InputError, match="rank of 1 or more, got 0"):
        RWKV7(4, rank=0)


def test_wider_values_widen_the_memory():
    y, state = GatedDeltaNet(8, heads=2, expand=3)(torch.randn(2, 5, 8))
    assert y.shape == (2, 5, 8)
    assert {n: tuple(s.shape) for n, s in named_tensors(state)} == {"local.memory": (2, 3, 40), "memory": (2, 2, 4, 12)}


def test_retnet_starts_as_xavier_says():
    layer = RetNet(64)
    for linear, gain in ((layer.query, 2**-2.5), (layer.gate, 2**-2.5), (layer.out, 2**-1)):
        assert linear.weight.abs().max().item() == pytest.approx(gain * math.sqrt(6 / 128), rel=0.02)


def test_gated_deltanet_starts_as_mamba2_does():
    layer = GatedDeltaNet(2048, heads=1024)
    dt, A = torch.nn.functional.softplus(layer.dt), layer.log_A.exp()
    assert 0.001 <= dt.min() < 0.0011 and 0.09 < dt.max() <= 0.1
    assert dt.log().mean().item() == pytest.approx(math.log(0.01), abs=0.15)  # log-uniform
    assert 0.0099 < A.min() < 0.2 and 15.8 < A.max() <= 16.01
