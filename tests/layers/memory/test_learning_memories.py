"""Memories whose weights learn, against plain loops: with torch's own gradients, one step after another."""
import numpy as np
import pytest
import torch
from torch.nn.functional import rms_norm, silu

from reprise import create_layer
from reprise.core.errors import InputError
from reprise.core.marks import NO_MARKS
from reprise.core.state import map_state, named_tensors
from reprise.layers.memory.learning._network import LONGEST, Lesson, ask, first_weights, fresh, learn
from reprise.layers.memory.learning.srwm import SRWM
from reprise.layers.memory.learning.titans_context import TitansContext
from reprise.layers.memory.learning.titans_gate import TitansGate
from reprise.layers.memory.learning.titans_layer import TitansLayer
from reprise.layers.memory.learning.titans_memory import TitansMemory
from reprise.ops.delta_rule import Correction, delta_rule
from reprise.testing.by_hand import filled
from reprise.training.optimisers import parameter_groups

T = 19


def softmax(z):
    e = np.exp(z - z.max())
    return e / e.sum()


def srwm(x, W_0, out, heads):
    """Irie et al. 2022, eq. 5 to 8, with a rate for each of the four blocks of rows."""
    K = x.shape[1] // heads
    y = np.zeros_like(x)
    for h in range(heads):
        own, W = slice(h * K, (h + 1) * K), W_0[h]
        for t in range(len(x)):
            z = W @ x[t, own]
            y[t, own], q, k = z[:K], softmax(z[K : 2 * K]), softmax(z[2 * K : 3 * K])
            beta = 1 / (1 + np.exp(-z[3 * K :]))
            blocks = []
            for rows, rate in zip((W[:K], W[K : 2 * K], W[2 * K : 3 * K], W[3 * K :]), beta, strict=True):
                blocks.append(rows + rate * np.outer(rows @ q - rows @ k, k))
            W = np.concatenate(blocks)
    return y @ out.T


@pytest.mark.parametrize("width, heads", [(8, 2), (5, 1)])
def test_srwm_is_the_papers_loop(width, heads):
    layer, x = filled(SRWM(width, heads)), torch.randn(1, T, width, dtype=torch.float64)
    want = srwm(x[0].numpy(), layer.W_0.detach().numpy(), layer.out.weight.detach().numpy(), heads)
    np.testing.assert_allclose(layer(x)[0][0].detach().numpy(), want, atol=1e-12)


def test_srwm_starts_as_its_authors_do():
    W = SRWM(4096, heads=64).W_0
    assert W.shape == (64, 196, 64)
    assert W[:, :192].mean().item() == pytest.approx(0, abs=0.002) and W.std().item() == pytest.approx(0.19, abs=0.01)
    assert W[:, 192:].mean().item() == pytest.approx(-1, abs=0.005)


def network(weights, x):
    for i, W in enumerate(weights):
        x = (silu(x) if i else x) @ W
    return x


class Taught:
    """One head's network, taught by torch's gradient of Behrouz et al. 2025, eq. 12, and eq. 13 and 14."""

    def __init__(self, weights, chunk):
        self.now, self.chunk, self.seen = [W.detach() for W in weights], chunk, 0
        self.began, self.momentum = self.now, [torch.zeros_like(W) for W in self.now]

    def teach(self, k, v, rate, keep, forget):
        began = [W.clone().requires_grad_() for W in self.began]
        loss = (network(began, k) - v).square().sum() / 2
        grads = torch.autograd.grad(loss, began)
        length = sum(g.square().sum() for g in grads).sqrt()
        grads = [g * min(1, LONGEST / length) for g in grads]
        self.momentum = [keep * s - rate * g for s, g in zip(self.momentum, grads, strict=True)]
        self.now = [(1 - forget) * W + s for W, s in zip(self.now, self.momentum, strict=True)]
        self.seen += 1
        if self.seen % self.chunk == 0:
            self.began = self.now


def long(z):
    return z / (z.square().sum() + 1e-6).sqrt()


def titans_memory(layer, x):
    """A row (T D), by Behrouz et al. 2025, sec. 3.1 and 3.3."""
    H, K, _ = layer.memory_shape
    u = silu(layer.local(x[None])[0][0])
    heads = [Taught([W[h] for W in layer.first], layer.chunk) for h in range(H)]
    reads = torch.zeros(len(x), H, K, dtype=x.dtype)
    rates = torch.sigmoid(layer.rates(x)).view(-1, 3, H)
    for t in range(len(x)):
        q, k, v = u[t].view(3, H, K)
        for h, taught in enumerate(heads):
            taught.teach(long(k[h]), v[h], *rates[t, :, h])
            reads[t, h] = network(taught.now, long(q[h]))
    read = rms_norm(reads, (K,), eps=1e-5).flatten(1) * layer.norm_scale
    return layer.out(read * silu(layer.gate(x)))


@pytest.mark.parametrize("depth, chunk", [(1, 1), (1, 5), (2, 1), (2, 4), (3, 7)])
def test_titans_memory_is_torchs_gradient(depth, chunk):
    layer = filled(TitansMemory(6, heads=2, depth=depth, chunk=chunk))
    x = torch.randn(2, T, 6, dtype=torch.float64)
    want = torch.stack([titans_memory(layer, row) for row in x])
    torch.testing.assert_close(layer(x)[0], want, rtol=0, atol=1e-11)


def test_a_linear_memory_without_momentum_is_the_gated_delta_rule():
    layer = filled(TitansMemory(8, heads=2, depth=1, chunk=1))
    with torch.no_grad():
        layer.rates.weight[2:4], layer.rates.bias[2:4] = 0.0, -1e4
    x = torch.randn(2, T, 8, dtype=torch.float64)
    q, lesson = layer.project(x, layer.local(x)[0])
    assert not lesson.keep.any()
    theta, k = lesson.rate, lesson.k
    rule = Correction(q, theta * k, lesson.v, torch.log1p(-lesson.forget), -theta * k, k)
    want, S = delta_rule(rule, layer.first[0].expand(2, -1, -1, -1))
    read, memory = layer.recur((q, lesson), layer.initial_memory(2), NO_MARKS)
    torch.testing.assert_close(read, want)
    torch.testing.assert_close(memory.now[0], S)


def test_no_lesson_is_too_loud():
    memory = fresh(first_weights(2, 4, 2, 2), 1, torch.float32)
    k, v, one = torch.randn(1, 2, 4), 1e6 * torch.randn(1, 2, 4), torch.ones(1, 2, 1)
    after = learn(memory, Lesson(k, v, one, 0 * one, 0 * one), 1)
    moved = sum((W - then).square().sum((-2, -1)) for W, then in zip(after.now, memory.now, strict=True)).sqrt()
    torch.testing.assert_close(moved, torch.full((1, 2), LONGEST))


def test_a_lesson_repeated_is_learned():
    memory = fresh(first_weights(1, 8, 2, 2), 1, torch.float32)
    k, v, one = torch.nn.functional.normalize(torch.randn(1, 1, 8), dim=-1), torch.randn(1, 1, 8), torch.ones(1, 1, 1)
    before = (ask(memory.now, k) - v).norm()
    for _ in range(300):
        memory = learn(memory, Lesson(k, v, 0.02 * one, 0.5 * one, 0 * one), 4)
    assert (ask(memory.now, k) - v).norm() < 0.01 * before


def attended(q, keys, values):
    """One head, one query, over lists of keys and values."""
    weights = torch.softmax(torch.stack([q @ k for k in keys]) / len(q) ** 0.5, 0)
    return sum(w * v for w, v in zip(weights, values, strict=True))


def turned(z, n):
    """Su et al. 2021, by halves, of an even K."""
    half = len(z) // 2
    pairs = torch.complex(z[:half], z[half:]) * torch.exp(1j * n * 10000.0 ** -(torch.arange(half).double() / half))
    return torch.cat([pairs.real, pairs.imag])


def persistent(layer, x):
    """Window attention of a row beside the learned tokens."""
    H, K = layer.heads, layer.key_size
    out = torch.zeros_like(x)
    for t in range(len(x)):
        near = range(max(0, t - layer.window + 1), t + 1)
        for h in range(H):
            own = slice(h * K, (h + 1) * K)
            keys = [*layer.key(layer.tokens)[:, own], *(turned(layer.key(x[s])[own], s) for s in near)]
            values = [*layer.value(layer.tokens)[:, own], *(layer.value(x[s])[own] for s in near)]
            out[t, own] = attended(turned(layer.query(x[t])[own], t), keys, values)
    return layer.out(out)


@torch.no_grad()
@pytest.mark.parametrize("window", [1, 5, 64])
def test_titans_gate_and_layer_are_their_parts(window):
    x = torch.randn(T, 8, dtype=torch.float64)
    gate = filled(TitansGate(8, heads=2, chunk=3, window=window, persistent=2))
    near = gate.attention_norm(persistent(gate.attention, x))
    want = near * silu(gate.memory_norm(titans_memory_without_grad(gate.memory, x)))
    torch.testing.assert_close(gate(x[None])[0][0], want)
    layer = filled(TitansLayer(8, heads=2, chunk=3, window=window, persistent=2))
    want = persistent(layer.attention, titans_memory_without_grad(layer.memory, x))
    torch.testing.assert_close(layer(x[None])[0][0], want)


def titans_memory_without_grad(layer, x):
    with torch.enable_grad():
        return titans_memory(layer, x).detach()


def titans_context(layer, x):
    """Behrouz et al. 2025, eq. 21 to 25, of a row."""
    (H, K, _), C, seen, out = layer.memory_shape, layer.chunk, [], torch.zeros_like(x)
    heads = [Taught([W[h] for W in layer.first], C) for h in range(H)]
    by_head = [slice(h * K, (h + 1) * K) for h in range(H)]
    for t in range(len(x)):
        asked = silu(layer.recall(x[t]))
        h_t = torch.cat([network(m.began, long(asked[own])) for m, own in zip(heads, by_head, strict=True)])
        seen = [*(seen if t % C else layer.tokens), h_t, x[t]]
        a = torch.cat([attended(layer.query(x[t])[own], [layer.key(z)[own] for z in seen],
                                [layer.value(z)[own] for z in seen]) for own in by_head])
        a = layer.mixed(a)
        q, k, v = silu(layer.lesson(a)).view(3, H, K)
        rates = torch.sigmoid(layer.rates(a)).view(3, H)
        for i, m in enumerate(heads):
            m.teach(long(k[i]), v[i], *rates[:, i])
        m_t = torch.cat([network(m.now, long(q[i])) for i, m in enumerate(heads)])
        out[t] = layer.out(layer.attention_norm(a) * silu(layer.memory_norm(m_t)))
    return out


@pytest.mark.parametrize("depth, chunk", [(1, 1), (2, 4), (2, 16)])
def test_titans_context_is_the_papers_loop(depth, chunk):
    layer = filled(TitansContext(6, heads=2, depth=depth, chunk=chunk, persistent=3))
    x = torch.randn(T, 6, dtype=torch.float64)
    torch.testing.assert_close(layer(x[None])[0][0], titans_context(layer, x), rtol=0, atol=1e-11)


def test_sizes_must_be_positive():
    with pytest.raises(InputError, match="chunk of 1 or more, got 0"):
        TitansMemory(4, chunk=0)
    with pytest.raises(InputError, match="persistent of 1 or more, got 0"):
        TitansGate(4, persistent=0)
    with pytest.raises(InputError, match="depth of 1 or more, got 0"):
        TitansContext(4, depth=0)


@pytest.mark.parametrize("name", ["srwm", "titans_memory", "titans_context", "block_recurrent"])
def test_a_state_handed_out_stays_when_parameters_change_in_place(name):
    layer = create_layer(name, 4)
    state = layer.initial_state(2)
    before = map_state(torch.clone, state)
    with torch.no_grad():
        for p in layer.parameters():
            p.add_(1.0)
    for (_, now), (_, then) in zip(named_tensors(state), named_tensors(before), strict=True):
        assert torch.equal(now, then)


@pytest.mark.parametrize(("name", "places"), [
    ("titans_memory", {"first.0", "first.1"}), ("titans_context", {"first.0", "first.1"}),
    ("titans_gate", {"first.0", "first.1"}), ("titans_layer", {"first.0", "first.1"}), ("srwm", {"W_0"}),
    ("block_recurrent", {"distance", "ids", "start"})])
def test_where_a_memory_begins_does_not_decay(name, places):
    plain = {name for name, p in parameter_groups(create_layer(name, 4))["plain"] if p.ndim > 1}
    assert {".".join(name.split(".")[-2:]) if "first" in name else name for name in plain} >= places
    assert not any("first" in name for name, _ in parameter_groups(create_layer(name, 4))["decayed"])
