"""Layers that attend to what came before, against loops in NumPy, written from the papers; and how they start."""
import math

import numpy as np
import pytest
import torch

from reprise.core.errors import InputError
from reprise.layers._rotary import rotate
from reprise.layers.attention.aaren import Aaren
from reprise.layers.attention.full_attention import FullAttention
from reprise.layers.attention.local_attention import LocalAttention
from reprise.layers.attention.memory_network import MemoryNetwork
from reprise.layers.attention.swish_rnn import SwishRNN
from reprise.testing import prove
from reprise.testing.by_hand import filled, weights

T = 90


def softmax(z):
    e = np.exp(z - z.max())
    return e / e.sum()


def compare(layer, want, width, atol=1e-12):
    """The layer over T steps against `want(x, parameters)`, one row at a time."""
    x = torch.randn(1, T, width, dtype=torch.float64)
    np.testing.assert_allclose(layer(x)[0][0].detach().numpy(), want(x[0].numpy(), weights(layer)), atol=atol)


def rotary(z, n, turning):
    """Su et al. 2021, eq. 34, pairs being halves of what turns, as in Griffin's code."""
    half = turning // 2
    angle = n * 10000.0 ** (-2 * np.arange(half) / max(turning, 1))
    pair = (z[:half] + 1j * z[half:turning]) * np.exp(1j * angle)
    return np.concatenate([pair.real, pair.imag, z[turning:]])


def attention(x, p, heads, kv_heads, window, turning):
    K = x.shape[1] // heads
    q, k, v = (x @ p[f"{name}.weight"].T for name in ("query", "key", "value"))
    out = np.zeros_like(x)
    for t in range(len(x)):
        past = range(max(0, t - window + 1), t + 1)
        for h in range(heads):
            own, shared = slice(h * K, (h + 1) * K), h // (heads // kv_heads)
            theirs = slice(shared * K, (shared + 1) * K)
            asked = rotary(q[t, own], t, turning)
            weight = softmax(np.array([asked @ rotary(k[j, theirs], j, turning) for j in past]) / math.sqrt(K))
            out[t, own] = sum(w * v[j, theirs] for w, j in zip(weight, past, strict=True))
    return out @ p["out.weight"].T + p.get("out.bias", 0.0)


@pytest.mark.parametrize(("width", "options", "turning"), [
    (8, {"window": 5}, 2), (12, {"heads": 4, "kv_heads": 2, "window": 70, "rotary": 1.0}, 2),
    (5, {"window": 1}, 2), (12, {"heads": 2, "kv_heads": 2, "window": 17, "out_bias": False}, 2),
    (12, {"heads": 2, "window": 65, "rotary": 0.0}, 0)])
def test_local_attention_is_the_papers_sum(width, options, turning):
    layer = filled(LocalAttention(width, **options))
    compare(layer, lambda x, p: attention(x, p, layer.heads, layer.kv_heads, options["window"], turning), width)


@pytest.mark.parametrize("window", [2, 5, 16])
def test_laws_hold_where_the_window_is_shorter_than_the_sequence(window):
    prove(LocalAttention(4, window=window, rotary=1.0))


@pytest.mark.parametrize("dtype, tolerance", [(torch.float64, 1e-8), (torch.float32, 1e-4)])
def test_only_distances_matter_after_a_million_steps(dtype, tolerance):
    q, k = torch.randn(2, 2, 9, 3, 16, dtype=dtype)
    n = torch.arange(9).expand(2, 9)

    def scores(later):
        return torch.einsum("bqhk,bjhk->bhqj", rotate(q, n + later, 16), rotate(k, n + later, 16))

    torch.testing.assert_close(scores(1_000_000), scores(0), rtol=0, atol=tolerance)


@pytest.mark.parametrize(("width", "options"), [(8, {}), (12, {"heads": 4, "kv_heads": 2}), (5, {"out_bias": True})])
def test_full_attention_is_the_papers_sum(width, options):
    layer = filled(FullAttention(width, **options))
    turning = layer.key_size // 2 * 2
    compare(layer, lambda x, p: attention(x, p, layer.heads, layer.kv_heads, T, turning), width)


def test_full_attention_is_local_attention_that_sees_far_enough():
    full, local = FullAttention(8, 2, rotary=0.5), LocalAttention(8, 2, kv_heads=2, window=T, out_bias=False)
    local.load_state_dict(full.state_dict())
    x = torch.randn(3, T, 8)
    torch.testing.assert_close(full(x)[0], local(x)[0])


def test_full_attention_keeps_the_steps_of_the_longest_row_and_no_others():
    layer, x = FullAttention(8), torch.randn(3, 7, 8)
    resets = torch.zeros(3, 7, dtype=torch.bool)
    resets[2, 5] = True
    _, state = layer(x, lengths=torch.tensor([3, 5, 7]), resets=resets)
    k, _, position = state.memory
    assert position.tolist() == [3, 5, 2] and k.shape[1] == 5
    assert not k[0, 3:].any() and not k[2, 2:].any() and k[1].all()
    _, state = layer(x, state)
    assert state.memory.k.shape[1] == 12 and state.memory.position.tolist() == [10, 12, 9]


def test_local_attention_starts_as_griffin_does():
    layer = LocalAttention(256)
    assert layer.query.weight.std().item() == pytest.approx(1 / 16, rel=0.02)
    assert not layer.out.bias.any() and layer.key.weight.shape == (64, 256) and layer.turning == 32


def test_heads_must_divide():
    with pytest.raises(InputError, match=r"^LocalAttention: width=8 is not divisible by heads=3; try heads=2$"):
        LocalAttention(8, heads=3)
    with pytest.raises(InputError, match=r"^LocalAttention: heads=4 is not divisible by kv_heads=3; try kv_heads=2$"):
        LocalAttention(8, heads=4, kv_heads=3)
    with pytest.raises(InputError, match="expected rotary, the share of each head that turns, from 0 to 1, got 2"):
        LocalAttention(8, rotary=2.0)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def aaren(x, p, heads):
    """Feng et al. 2024, sec. 3.1: attention over every prefix, for one query that is not of the input."""
    K = x.shape[1] // heads
    q, k, v = p["query.weight"] @ p["token"], x @ p["key.weight"].T, x @ p["value.weight"].T
    out = np.zeros_like(x)
    for t in range(len(x)):
        for h in range(heads):
            own = slice(h * K, (h + 1) * K)
            out[t, own] = softmax(k[: t + 1, own] @ q[own] / math.sqrt(K)) @ v[: t + 1, own]
    return out @ p["out.weight"].T


@pytest.mark.parametrize(("width", "heads"), [(8, 2), (5, 1), (12, 4)])
def test_aaren_is_attention_over_every_prefix(width, heads):
    compare(filled(Aaren(width, heads)), lambda x, p: aaren(x, p, heads), width)


def test_aaren_stays_right_where_scores_are_huge_and_rise():
    layer, x = filled(Aaren(8, 2)), torch.randn(1, 40, 8, dtype=torch.float64)
    x = x * torch.linspace(1, 3000, 40)[:, None]
    want = aaren(x[0].numpy(), weights(layer), 2)
    np.testing.assert_allclose(layer(x)[0][0].detach().numpy(), want, rtol=1e-9)


def swish_rnn(x, p):
    u, gate = x @ p["into.weight"].T, x @ p["gate.weight"].T + p["gate.bias"]
    c, out = np.zeros(u.shape[1]), []
    for now, g in zip(u, gate, strict=True):
        z = c - now
        c = z * sigmoid(p["slope"] * z + p["shift"]) + now
        out.append(p["out.weight"] @ ((c + p["offset"]) * sigmoid(g)) + p["out.bias"])
    return np.array(out)


@pytest.mark.parametrize("options", [{}, {"hidden": 3}])
def test_swish_rnn_is_the_papers_loop(options):
    compare(filled(SwishRNN(6, **options)), swish_rnn, 6)


def test_swish_rnn_with_a_steep_gate_is_a_running_maximum():
    layer, x = SwishRNN(4, hidden=5).double(), torch.randn(2, 30, 4, dtype=torch.float64)
    torch.nn.init.constant_(layer.slope, 1e6)
    c = layer(x)[1].memory
    torch.testing.assert_close(c, layer.into(x).amax(1).clamp(min=0), atol=1e-5, rtol=0)


def test_swish_rnn_has_the_papers_size_and_start():
    layer = SwishRNN(768)
    assert layer.memory_shape == (2048,)
    assert (layer.slope == 1).all() and not any(z.any() for z in (layer.shift, layer.offset, layer.gate.bias))


def memory_network(x, p, slots, hops):
    """Sukhbaatar et al. 2015, eq. 1 to 3 and sec. 4.1; the most recent slot has the first row of the encodings."""
    out = []
    for t in range(len(x)):
        recent = x[max(0, t - slots + 1) : t + 1][::-1]
        m = recent @ p["match.weight"].T + p["match_age"][: len(recent)]
        c = recent @ p["content.weight"].T + p["content_age"][: len(recent)]
        u = p["ask.weight"] @ x[t]
        for _ in range(hops):
            u = p["carry.weight"] @ u + softmax(m @ u) @ c
        out.append(p["out.weight"] @ u)
    return np.array(out)


@pytest.mark.parametrize("options", [{"slots": 5, "hops": 2}, {"hops": 1, "hidden": 3}, {"slots": 70}], ids=str)
def test_memory_network_is_the_papers_loop(options):
    layer = filled(MemoryNetwork(6, **options))
    compare(layer, lambda x, p: memory_network(x, p, layer.slots, layer.hops), 6)


def test_laws_hold_for_a_memory_network_of_few_slots():
    prove(MemoryNetwork(4, slots=3))


def test_memory_network_starts_as_the_paper_says():
    for p in MemoryNetwork(64, slots=64).parameters():
        assert p.std().item() == pytest.approx(0.1, rel=0.05)


@pytest.mark.parametrize(("build", "option"), [
    (LocalAttention, "window"), (LocalAttention, "kv_heads"), (FullAttention, "heads"), (Aaren, "heads"),
    (SwishRNN, "hidden"), (MemoryNetwork, "slots"), (MemoryNetwork, "hops")])
def test_sizes_must_be_positive(build, option):
    with pytest.raises(InputError, match=f"{build.__name__}: expected {option} of 1 or more, got 0; try {option}=1"):
        build(4, **{option: 0})
