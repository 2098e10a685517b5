"""Transformer blocks that recur, in depth or over blocks of steps, against loops in NumPy written from the papers."""
import math

import numpy as np
import pytest
import torch

from reprise.layers.attention.block_recurrent import BlockRecurrent
from reprise.layers.attention.universal_transformer import UniversalTransformer
from reprise.testing import prove
from reprise.testing.by_hand import filled, weights

T = 40


def softmax(z):
    e = np.exp(z - z.max())
    return e / e.sum()


def norm(z, p, name, eps=1e-6):
    return (z - z.mean()) / np.sqrt(z.var() + eps) * p[f"{name}.weight"] + p[f"{name}.bias"]


def waves(n, width):
    """Vaswani et al. 2017, sec. 3.5: sine in even components, cosine in odd."""
    angles = [n / 10000 ** (2 * (j // 2) / width) for j in range(width)]
    return np.array([math.cos(a) if j % 2 else math.sin(a) for j, a in enumerate(angles)])


def transformed(h, j, p, heads):
    """One step in depth of every position: Dehghani et al. 2019, eq. 1 to 6, with a causal mask."""
    D, K = h.shape[1], h.shape[1] // heads
    u = np.array([row + waves(i, D) + waves(j, D) for i, row in enumerate(h)])
    q, k, v = (u @ w.T for w in np.split(p["attend.weight"], 3))
    out = np.zeros_like(h)
    for t in range(len(h)):
        read = np.zeros(D)
        for own in (slice(a * K, (a + 1) * K) for a in range(heads)):
            read[own] = softmax(k[: t + 1, own] @ q[t, own] / math.sqrt(K)) @ v[: t + 1, own]
        a = norm(u[t] + p["out.weight"] @ read, p, "norms.0")
        inner = np.maximum(p["transition.0.weight"] @ a + p["transition.0.bias"], 0)
        out[t] = norm(a + p["transition.2.weight"] @ inner + p["transition.2.bias"], p, "norms.1")
    return out


def universal(x, p, heads, depth):
    """Each position's outputs, steps and remainder, by Graves 2016, eq. 4 to 13."""
    h, running = x, [True] * len(x)
    y, total, steps, rest = np.zeros_like(x), np.zeros(len(x)), np.zeros(len(x)), np.zeros(len(x))
    for j in range(1, depth + 1):
        after = transformed(h, j, p, heads)
        h = np.where(np.array(running)[:, None], after, h)
        for t in (t for t in range(len(x)) if running[t]):
            halting = 1 / (1 + math.exp(-(p["halt.weight"][0] @ h[t] + p["halt.bias"][0])))
            steps[t] += 1
            if total[t] + halting > 0.99 or j == depth:
                rest[t], running[t] = 1 - total[t], False
                halting = rest[t]
            y[t], total[t] = y[t] + halting * h[t], total[t] + halting
    assert np.allclose(total, 1)
    return y, steps, rest


@pytest.mark.parametrize(("width", "heads", "depth"), [(8, 2, 6), (5, 1, 3), (6, 3, 1)])
def test_universal_transformer_is_the_papers_loop(width, heads, depth):
    layer, x = filled(UniversalTransformer(width, heads, depth=depth)), torch.randn(1, T, width, dtype=torch.float64)
    torch.nn.init.normal_(layer.halt.weight, std=3.0)  # so that some halt early and others late
    y, steps, rest = universal(x[0].numpy(), weights(layer), heads, depth)
    np.testing.assert_allclose(layer(x)[0][0].detach().numpy(), y, atol=1e-11)
    found = layer.ponder(x)
    assert found.steps[0].tolist() == steps.tolist()
    np.testing.assert_allclose(found.remainder[0].detach().numpy(), rest, atol=1e-11)
    if depth > 3:
        assert len(set(steps)) > 1, "all positions think for as long: halting was not put to the test"


def test_thinking_carries_on_from_a_state():
    layer, x = filled(UniversalTransformer(8)), torch.randn(2, T, 8, dtype=torch.float64)
    _, state = layer(x[:, :11])
    for part, whole in zip(layer.ponder(x[:, 11:], state), layer.ponder(x), strict=True):
        torch.testing.assert_close(part, whole[:, 11:])


@pytest.mark.parametrize(("bias", "steps"), [(9.0, 1), (-9.0, 6)])
def test_how_long_is_for_the_layer_to_say(bias, steps):
    layer = UniversalTransformer(8)
    torch.nn.init.constant_(layer.halt.bias, bias)
    torch.nn.init.normal_(layer.halt.weight, std=1e-3)
    found = layer.ponder(torch.randn(2, 9, 8))
    assert (found.steps == steps).all()
    (grad,) = torch.autograd.grad(found.remainder.sum(), layer.halt.bias)
    assert (grad == 0).all() if steps == 1 else grad < 0  # more weight for each step leaves less for the last


def test_universal_transformer_starts_as_its_authors_do():
    layer = UniversalTransformer(64, hidden=32)
    assert layer.halt.bias.item() == 1 and layer.transition[0].weight.shape == (32, 64)
    assert layer.out.weight.abs().max().item() == pytest.approx(math.sqrt(6 / 128), rel=0.02)


def attended(q, k, v, heads, bias=None):
    """Every head's softmax over all keys; bias (heads, keys)."""
    out, K = np.zeros_like(q), len(q) // heads
    for h, own in enumerate(slice(h * K, (h + 1) * K) for h in range(heads)):
        out[own] = softmax(k[:, own] @ q[own] / math.sqrt(K) + (0 if bias is None else bias[h])) @ v[:, own]
    return out


def block_recurrent(x, p, heads, window):
    """Hutchins et al. 2022, sec. 3.1 to 3.3: steps of a block see the states as they were when it began."""
    q, ask, k, v = np.split(x @ p["from_x.weight"].T, 4, axis=1)
    c, y = p["start"], np.zeros_like(x)
    for t in range(len(x)):
        states = np.array([norm(row, p, "norm", 1e-5) for row in c]) + p["ids"]
        state_q, state_ask, state_k, state_v = np.split(states @ p["from_state.weight"].T, 4, axis=1)
        past = slice(max(0, t - window + 1), t + 1)
        ages = np.arange(t - past.start, -1, -1)
        near = attended(q[t], k[past], v[past], heads, p["distance"][:, ages])
        y[t] = p["out.weight"] @ np.concatenate([near, attended(ask[t], state_k, state_v, heads)])
        if (t + 1) % window == 0:
            block = slice(t - window + 1, t + 1)
            read = [np.concatenate([attended(state_q[i], state_k, state_v, heads),
                                    attended(state_ask[i], k[block], v[block], heads)]) for i in range(len(c))]
            z = np.array(read) @ p["onward.weight"].T + p["onward.bias"]
            g = 1 / (1 + np.exp(-p["gate"]))
            c = g * c + (1 - g) * z
    return y


@pytest.mark.parametrize("options", [{"window": 4, "states": 3}, {"window": 7, "heads": 4}, {"window": 1}, {}], ids=str)
def test_block_recurrent_is_the_papers_loop(options):
    layer, x = filled(BlockRecurrent(8, **options)), torch.randn(1, T, 8, dtype=torch.float64)
    want = block_recurrent(x[0].numpy(), weights(layer), layer.heads, layer.window)
    np.testing.assert_allclose(layer(x)[0][0].detach().numpy(), want, atol=1e-12)


@pytest.mark.parametrize("window", [2, 3, 4])
def test_laws_hold_where_blocks_end(window):
    found = {f.law: f.verdict for f in prove(BlockRecurrent(4, window=window, states=3), strict=False)}
    assert found.pop("everything_learns") == "stale excuse" and set(found.values()) == {"holds"}


def test_states_carry_what_the_window_has_lost():
    layer, x = BlockRecurrent(8, window=4).double(), torch.randn(1, T, 8, dtype=torch.float64, requires_grad=True)
    (grad,) = torch.autograd.grad(layer(x)[0][0, -1].sum(), x)
    assert grad[0].abs().amax(-1).min() > 0
    with torch.no_grad():
        layer.from_state.weight.zero_()
    (grad,) = torch.autograd.grad(layer(x)[0][0, -1].sum(), x)
    assert not grad[0, :-4].any() and grad[0, -4:].any()


def test_states_that_started_alike_stay_alike_without_ids():
    layer = filled(BlockRecurrent(8, window=4, states=3))
    with torch.no_grad():
        layer.start.copy_(layer.start[:1].expand(3, -1))
        x = torch.randn(2, T, 8, dtype=torch.float64)
        apart = layer(x)[1].memory.c
        layer.ids.zero_()
        alike = layer(x)[1].memory.c
    assert (apart[:, 0] - apart[:, 1]).abs().max() > 1e-6
    torch.testing.assert_close(alike[:, :1].expand_as(alike), alike)


def test_block_recurrent_starts_as_the_paper_says():
    layer = BlockRecurrent(256, states=64)
    for p in (layer.start, layer.ids, layer.gate):
        assert p.std().item() == pytest.approx(0.1, rel=0.15)
    assert torch.equal(layer.initial_state(2).memory.c[1], layer.start)
