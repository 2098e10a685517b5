"""RWKV's generations against loops in NumPy, written from the papers."""
import math

import numpy as np
import pytest
import torch

from reprise.core.marks import NO_MARKS
from reprise.layers.memory.rwkv.rwkv4 import RWKV4
from reprise.layers.memory.rwkv.rwkv4_channel import RWKV4Channel
from reprise.layers.memory.rwkv.rwkv5 import RWKV5
from reprise.layers.memory.rwkv.rwkv6 import RWKV6
from reprise.layers.memory.rwkv.rwkv7 import RWKV7
from reprise.layers.memory.rwkv.rwkv7_channel import RWKV7Channel
from reprise.layers.memory.rwkv.temporal_perspectives import TemporalPerspectives
from reprise.models.stack import Stack
from reprise.testing import prove
from reprise.testing.by_hand import filled, weights

T = 30


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def shifted(x, mu):
    """mu x_t + (1 - mu) x_{t-1} for each mu."""
    before = np.concatenate([np.zeros_like(x[:1]), x[:-1]])
    return [m * x + (1 - m) * before for m in mu]


def holds(layer, loop, **options):
    x = torch.randn(1, T, layer.width, dtype=torch.float64)
    want = loop(x[0].numpy(), weights(layer), **options)
    np.testing.assert_allclose(layer(x)[0][0].detach().numpy(), want, atol=1e-12)


def rwkv4(x, p):
    """Peng et al. 2023, eq. 11 to 16, every average as its two sums over all earlier steps."""
    xr, xk, xv = shifted(x, p["mu"])
    r, k, v = sigmoid(xr @ p["receptance.weight"].T), xk @ p["key.weight"].T, xv @ p["value.weight"].T
    w, out = np.exp(p["decay"]), []
    for t in range(len(x)):
        weight = [np.exp(-(t - 1 - i) * w + k[i]) for i in range(t)] + [np.exp(p["bonus"] + k[t])]
        out.append(sum(a * b for a, b in zip(weight, v, strict=False)) / sum(weight))
    return (r * np.array(out)) @ p["out.weight"].T


def rwkv4_channel(x, p):
    """Peng et al. 2023, eq. 17 and 18."""
    xr, xk = shifted(x, p["mu"])
    k = np.maximum(xk @ p["key.weight"].T, 0) ** 2
    return sigmoid(xr @ p["receptance.weight"].T) * (k @ p["value.weight"].T)


def eagle(r, k, v, w, p, heads):
    """Peng et al. 2024, eq. 18 and 19: o of every step, normalised; w is of every step (T D)."""
    K, u = r.shape[1] // heads, p["bonus"]
    out = np.zeros_like(r)
    for h in range(heads):
        own, S = slice(h * K, (h + 1) * K), np.zeros((K, K))
        for t in range(len(r)):
            new = np.outer(k[t, own], v[t, own])
            o = r[t, own] @ (np.diag(u[h]) @ new + S)
            S = np.diag(w[t, own]) @ S + new
            out[t, own] = (o - o.mean()) / np.sqrt(o.var() + 64e-5) * p["norm_scale"][h] + p["norm_shift"][h]
    return out


def rwkv5(x, p, heads):
    """Peng et al. 2024, sec. 4.1.1 and 4.1.2."""
    names = ("receptance", "key", "value", "gate")
    r, k, v, g = (z @ p[f"{n}.weight"].T for z, n in zip(shifted(x, p["mu"]), names, strict=True))
    w = np.exp(-np.exp(p["decay"])).reshape(1, -1).repeat(len(x), 0)
    return (eagle(r, k, v, w, p, heads) * g * sigmoid(g)) @ p["out.weight"].T


def rwkv6(x, p, heads):
    """Peng et al. 2024, sec. 4.2, as the reference code counts mu: from x_t to the step before."""
    step = np.concatenate([np.zeros_like(x[:1]), x[:-1]]) - x
    low = np.tanh((x + step * p["mu"][0]) @ p["mix_down.weight"].T).reshape(len(x), 5, -1)
    xd, xk, xv, xr, xg = (x + step * (p["mu"][1 + i] + low[:, i] @ p["mix_up"][i]) for i in range(5))
    r, k, v, g = (z @ p[f"{n}.weight"].T for z, n in ((xr, "receptance"), (xk, "key"), (xv, "value"), (xg, "gate")))
    d = np.tanh(xd @ p["decay_down.weight"].T) @ p["decay_up.weight"].T + p["decay_up.bias"]
    return (eagle(r, k, v, np.exp(-np.exp(d)), p, heads) * g * sigmoid(g)) @ p["out.weight"].T


def rwkv7(x, p, heads, lowest=None):
    """Peng et al. 2025, eq. 3 to 20: rows of a memory (V K) are values, as in it; `lowest`: v of the first layer."""
    D = x.shape[1]
    K = D // heads
    last, out, S = np.zeros(D), [], np.zeros((heads, K, K))
    for t, now in enumerate(x):
        xr, xd, xk, xv, xa, xg = (now + mu * (last - now) for mu in p["mu"])
        r, k, v = p["receptance.weight"] @ xr, p["key.weight"] @ xk, p["value.weight"] @ xv
        d = p["decay.2.weight"] @ np.tanh(p["decay.0.weight"] @ xd) + p["decay.2.bias"]
        w = np.exp(-math.exp(-0.5) * sigmoid(d))
        a = sigmoid(p["rate.2.weight"] @ (p["rate.0.weight"] @ xa) + p["rate.2.bias"])
        g = p["gate.2.weight"] @ sigmoid(p["gate.0.weight"] @ xg)
        if lowest is not None:
            v = v + (lowest[t] - v) * sigmoid(p["share.2.weight"] @ (p["share.0.weight"] @ xv) + p["share.2.bias"])
        removed, added = k * p["xi"], k * (1 - p["alpha"] + p["alpha"] * a)
        y = np.zeros(D)
        for h in range(heads):
            own = slice(h * K, (h + 1) * K)
            c = removed[own] / np.linalg.norm(removed[own])
            S[h] = S[h] @ (np.diag(w[own]) - np.outer(c, a[own] * c)) + np.outer(v[own], added[own])
            o = S[h] @ r[own]
            o = (o - o.mean()) / np.sqrt(o.var() + 64e-5) * p["norm_scale"][h] + p["norm_shift"][h]
            y[own] = o + (r[own] * p["rho"][h] * added[own]).sum() * v[own]
        out.append(p["out.weight"] @ (g * y))
        last = now
    return np.array(out)


def rwkv7_channel(x, p):
    """Peng et al. 2025, sec. 4.2; mu counts from x_t to the step before."""
    (mixed,) = shifted(x, [1 - p["mu"]])
    return np.maximum(mixed @ p["key.weight"].T, 0) ** 2 @ p["value.weight"].T


def test_rwkv4_is_the_papers_sums():
    holds(filled(RWKV4(6)), rwkv4)


@pytest.mark.parametrize("hidden", [None, 5])
def test_rwkv4_channel_is_the_papers_equations(hidden):
    holds(filled(RWKV4Channel(6, hidden)), rwkv4_channel)


@pytest.mark.parametrize("width, heads", [(8, 2), (6, 1)])
def test_matrix_memories_are_the_papers_loops(width, heads):
    holds(filled(RWKV5(width, heads)), rwkv5, heads=heads)
    holds(filled(RWKV6(width, heads, mix_rank=3, decay_rank=5)), rwkv6, heads=heads)
    holds(filled(RWKV7(width, heads, rank=3, gate_rank=5)), rwkv7, heads=heads)


@pytest.mark.parametrize("hidden", [None, 5])
def test_rwkv7_channel_is_the_papers_equations(hidden):
    holds(filled(RWKV7Channel(6, hidden)), rwkv7_channel)


def test_rwkv7_takes_values_of_the_lowest():
    first, x = filled(RWKV7(8, heads=2)), torch.randn(1, T, 8, dtype=torch.float64)
    above = RWKV7(8, heads=2, rank=3, value_rank=2)
    above.placed(1, 2)
    _, _, beside = first.run_beside(x, first.initial_state(1), NO_MARKS, {})
    lowest = first.value(torch.lerp(x, first.local(x)[0], first.mu[3]))
    torch.testing.assert_close(beside["rwkv7.value"], lowest)
    x = torch.randn(1, T, 8, dtype=torch.float64)
    y, _, after = filled(above).run_beside(x, above.initial_state(1), NO_MARKS, beside)
    assert after is beside
    want = rwkv7(x[0].numpy(), weights(above), 2, lowest[0].detach().numpy())
    np.testing.assert_allclose(y[0].detach().numpy(), want, atol=1e-12)


def test_a_stack_of_rwkv7_obeys_every_law():
    prove(filled(Stack(["rwkv7", "rwkv7_channel", "rwkv7"], 4, channel=None)))


def test_a_stack_of_rwkv7_steps_as_machine_code():
    assert Stack(["rwkv7", "rwkv7"], 8).prepare_step() == "machine code"


def test_rwkv4_does_not_store_its_bonus():
    """A huge bonus makes every output that of its own step alone, and leaves the next step's memory as it was."""
    layer, x = RWKV4(4), torch.randn(2, 9, 4)
    _, state = layer(x)
    with torch.no_grad():
        layer.bonus.fill_(1e4)
    y, after = layer(x)
    for now, then in zip(after.memory, state.memory, strict=True):
        assert torch.equal(now, then)
    r, _, v = layer.project(x, layer.local(x)[0])
    torch.testing.assert_close(y, layer.out(r * v))


def test_rwkv4_has_no_overflow_of_keys():
    layer = RWKV4(4)
    with torch.no_grad():
        layer.key.weight.mul_(1e4)
    y, state = layer(torch.randn(2, 50, 4))
    assert y.isfinite().all() and all(z.isfinite().all() for z in state.memory)


def test_a_memory_that_fades_at_once_is_its_bonus():
    """With rates beyond any exponent nothing is left of the step before, and nothing divides by what is left."""
    for layer in (RWKV5(4), RWKV6(4)):
        with torch.no_grad():
            rate = layer.decay if isinstance(layer, RWKV5) else layer.decay_up.bias
            rate.fill_(30.0)
        y, _ = layer(torch.randn(2, 40, 4))
        y.sum().backward()
        assert y.isfinite().all() and all(p.grad.isfinite().all() for p in layer.parameters() if p.grad is not None)


def test_perspectives_are_rwkv4_with_other_mixing():
    layer, x = filled(TemporalPerspectives(6, 3)), torch.randn(2, T, 6, dtype=torch.float64)
    own, z = filled(RWKV4(6)), []
    shared = {name: p for name, p in layer.named_parameters() if name not in ("mu", "choice.weight")}
    for p in range(3):
        own.load_state_dict({**shared, "mu": layer.mu[:, p]})
        z.append(own(x)[0])
    z = torch.stack(z, 2)
    share = torch.softmax(z.mean(2) @ layer.choice.weight.T, -1)
    torch.testing.assert_close(layer(x)[0], (share[..., None] * z).sum(2))
    assert (z[:, :, 0] - z[:, :, 1]).abs().max() > 0.01


def test_perspectives_start_apart():
    mu = TemporalPerspectives(64).mu
    assert 0 < (mu[:, 0] - mu[:, 1]).abs().max() < 0.1
