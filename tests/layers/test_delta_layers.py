"""DeltaNet, with negative eigenvalues and with products of them, and LightNet: loops from the papers, exact solvers."""
import math

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from reprise.core.errors import InputError
from reprise.core.marks import Marks
from reprise.layers.memory._delta import finer, unit
from reprise.layers.memory.deltanet import DeltaNet
from reprise.layers.memory.deltanet_negative import DeltaNetNegative
from reprise.layers.memory.deltaproduct import DeltaProduct
from reprise.layers.memory.lightnet import LightNet
from reprise.ops.delta_rule import Correction
from reprise.testing.by_hand import filled, weights

T = 40


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def normed(o, weight):
    return o / np.sqrt((o**2).mean() + 1e-5) * weight


def delta_rule(x, p, heads, expand=1, steps=1, largest=1.0):
    """Yang et al. 2024, eq. of the delta rule, as often a step as Siems et al. 2025 say."""
    D = x.shape[1]
    K, V = D // heads, expand * D // heads
    u = x @ p["local.from_x.weight"].T
    past = np.concatenate([np.zeros((3, u.shape[1])), u])
    u = sum(p["local.weight"][j] * past[3 - j : 3 - j + len(x)] for j in range(4))
    u = u * sigmoid(u)
    beta = largest * sigmoid(x @ p["strength.weight"].T)
    y, S = [], np.zeros((heads, K, V))
    for t in range(len(x)):
        q, k, v = np.split(u[t], [D, D + steps * D])
        q, k, v = q.reshape(heads, K), k.reshape(steps, heads, K), v.reshape(steps, heads, V)
        outs = []
        for h in range(heads):
            for j in range(steps):
                key = k[j, h] / np.sqrt((k[j, h] ** 2).sum() + 1e-6)
                error = v[j, h] - S[h].T @ key
                S[h] += beta[t, j * heads + h] * np.outer(key, error)
            query = q[h] / np.sqrt((q[h] ** 2).sum() + 1e-6)
            outs.append(normed(S[h].T @ query / math.sqrt(K), p["norm.weight"]))
        y.append(p["out.weight"] @ np.concatenate(outs))
    return np.array(y)


def test_a_reflection_in_bfloat16_does_not_make_the_memory_grow():
    layer = DeltaNetNegative(64, heads=1).bfloat16()
    with torch.no_grad():
        layer.strength.weight.mul_(1e4)  # beta: nearly 2, or 0
    x = torch.randn(1, 1, 64).abs().bfloat16().repeat(1, 2000, 1)
    u, _ = layer.local.run(x, layer.local.initial_state(1), Marks())
    p = layer.project(x, u)
    lengths = (p.a * p.b).sum(-1).abs()
    assert p.a.dtype == torch.float32 and (lengths <= 2 + 1e-6).all()
    _, state = layer(x)
    assert state.memory.abs().max() < 1e3


@pytest.mark.parametrize(("layer", "said"), [
    (DeltaNet(8, heads=2), {}), (DeltaNet(6, heads=3, expand=2), {"expand": 2}),
    (DeltaNetNegative(8, heads=2), {"largest": 2.0}),
    (DeltaProduct(8, heads=2), {"largest": 2.0, "steps": 2}),
    (DeltaProduct(6, heads=1, expand=2, householders=3), {"largest": 2.0, "steps": 3, "expand": 2})],
    ids=lambda z: type(z).__name__)
def test_delta_rules_are_the_papers_loop(layer, said):
    layer, x = filled(layer), torch.randn(1, T, layer.width, dtype=torch.float64)
    want = delta_rule(x[0].numpy(), weights(layer), layer.memory_shape[0], **said)
    np.testing.assert_allclose(layer(x)[0][0].detach().numpy(), want, atol=1e-12)


def test_one_householder_is_deltanet_with_negative_eigenvalues():
    one, other = DeltaProduct(8, householders=1).double(), DeltaNetNegative(8).double()
    other.load_state_dict(one.state_dict())
    x = torch.randn(2, T, 8, dtype=torch.float64)
    assert_close(one(x), other(x), rtol=0, atol=0)


def test_no_householder_is_no_option():
    with pytest.raises(InputError, match="DeltaProduct: expected householders of 1 or more, got 0"):
        DeltaProduct(8, householders=0)


def test_small_steps_have_marks_of_their_own():
    real = torch.tensor([[True, True, False]])
    fresh = torch.tensor([[False, True, False]])
    fine = finer(Marks(real, fresh), 2)
    assert fine.real.tolist() == [[True] * 4 + [False] * 2]
    assert fine.fresh.tolist() == [[False, False, True, False, False, False]]
    assert finer(Marks(), 2) == (None, None)


def transitions(p: Correction) -> torch.Tensor:
    eye = torch.eye(p.k.shape[-1], dtype=p.k.dtype)
    return p.log_w.exp()[..., None] * eye + p.a[..., :, None] * p.b[..., None, :]


@pytest.mark.parametrize(("kind", "lowest"), [(DeltaNet, 0.0), (DeltaNetNegative, -1.0), (DeltaProduct, -1.0)])
def test_eigenvalues(kind, lowest):
    layer = kind(8, heads=2).double()
    x = 30 * torch.randn(1, 60, 8, dtype=torch.float64)
    eigenvalues = torch.linalg.eigvals(transitions(layer.project(x, layer.local(x)[0]))).detach()
    assert eigenvalues.imag.abs().max() < 1e-6
    assert lowest - 1e-9 <= eigenvalues.real.min() < lowest + 0.1 and eigenvalues.real.max() <= 1 + 1e-9


ON, OFF = 800.0, -800.0  # a sigmoid of exactly one and of exactly zero
LOUD = 1e9  # a key so long is of length one to the last digit


def silent(layer):
    layer = layer.double()
    for p in layer.parameters():
        torch.nn.init.zeros_(p)
    with torch.no_grad():
        layer.local.weight[0] = 1
        layer.norm.weight[:] = 1
        layer.out.weight[:] = torch.eye(layer.width)
    return layer


def read_by(layer, token: int, **what) -> None:
    """Tokens are one-hot: what a token asks (q), writes (k, v) and how firmly (beta)."""
    K = layer.memory_shape[1]
    rows = {"q": slice(0, K), **{f"k{j}": slice((1 + j) * K, (2 + j) * K) for j in range(layer.steps)},
            **{f"v{j}": slice((1 + layer.steps + j) * K, (2 + layer.steps + j) * K) for j in range(layer.steps)}}
    with torch.no_grad():
        for name, value in what.items():
            if name.startswith("beta"):
                layer.strength.weight[int(name[4:]), token] = value
            else:
                layer.local.from_x.weight[rows[name], token] = torch.tensor(value, dtype=torch.float64)


def one_hot(tokens, width):
    return torch.nn.functional.one_hot(tokens, width).double()


def test_deltanet_with_negative_eigenvalues_swaps_two_elements():
    """A reflection swaps two orthogonal axes' memories; on their sum and difference it is a change of one sign.

    Rows of S: what belongs to the first and second place, as difference (e_1) and sum (e_2). Token 0 swaps, 1 waits.
    """
    layer = silent(DeltaNetNegative(2, heads=1, kernel_size=1))
    read_by(layer, 0, q=[LOUD, LOUD], k0=[LOUD, 0], beta0=ON)
    read_by(layer, 1, q=[LOUD, LOUD], beta0=OFF)
    tokens = torch.randint(2, (1, 200))
    first, second = torch.eye(2, dtype=torch.float64)
    state = layer.initial_state(1)
    rows = 1e6 * torch.stack([first - second, first + second])  # so loud that the norm's epsilon is nothing
    state = state._replace(memory=rows[None, None])
    y, end = layer(one_hot(tokens, 2), state)
    swapped = (tokens[0] == 0).cumsum(0) % 2 == 1
    want = math.sqrt(2) * torch.where(swapped[:, None], second, first)  # (difference + sum) / 2 is the first place's
    assert_close(y[0], want, rtol=0, atol=1e-9)
    rows[0] *= -1 if swapped[-1] else 1
    assert_close(end.memory[0, 0], rows, rtol=1e-12, atol=0)


def test_deltaproduct_counts_modulo_three():
    """Two reflections whose axes are 60 degrees apart turn by 120, and the other way round when they trade places."""
    layer = silent(DeltaProduct(4, heads=1, kernel_size=1))
    axis, other = [LOUD, 0.0, 0, 0], [LOUD / 2, LOUD * math.sqrt(3) / 2, 0, 0]
    ask = [LOUD, LOUD / 2, 0, 0]
    read_by(layer, 0, q=ask, beta0=OFF, beta1=OFF)
    read_by(layer, 1, q=ask, k0=axis, k1=other, beta0=ON, beta1=ON)
    read_by(layer, 2, q=ask, k0=other, k1=axis, beta0=ON, beta1=ON)
    read_by(layer, 3, q=ask, k0=[LOUD, 0, 0, 0], k1=[0, LOUD, 0, 0], v0=[1e3, 0, 0, 0], v1=[0, 1e3, 0, 0])  # beta = 1
    added = torch.randint(3, (1, 200))
    tokens = torch.cat([torch.tensor([[3]]), added], 1)
    y, _ = layer(one_hot(tokens, 4))
    for count in range(3):
        angle = math.atan2(0.5, 1) - count * 2 * math.pi / 3
        want = 2 * torch.tensor([math.cos(angle), math.sin(angle), 0, 0], dtype=torch.float64)
        here = y[0, 1:][added[0].cumsum(0) % 3 == count]
        assert len(here) > 20
        assert_close(here, want.expand_as(here), rtol=0, atol=1e-9)


def test_unit_has_a_gradient_at_zero():
    z = torch.zeros(3, requires_grad=True)
    unit(z).sum().backward()
    assert z.grad.isfinite().all()


def lightnet(x, p, heads):
    """Qin et al. 2024 as they say it: a mean of all values so far, each key channel with weights exp(k)."""
    D = x.shape[1]
    K = D // heads
    q, k, v = (x @ p[f"{name}.weight"].T for name in ("query", "key", "value"))
    q = q * sigmoid(q)
    gate = x @ p["gate.0.weight"].T @ p["gate.1.weight"].T
    ys = []
    for t in range(len(x)):
        o = np.zeros(D)
        for h in range(heads):
            own = slice(h * K, (h + 1) * K)
            share = np.exp(k[: t + 1, own])
            share = share / share.sum(0)
            o[own] = (share.T @ v[: t + 1, own]).T @ q[t, own]
        ys.append(p["out.weight"] @ (normed(o, p["norm.weight"]) * gate[t] * sigmoid(gate[t])))
    return np.array(ys)


@pytest.mark.parametrize(("width", "heads", "gate_rank"), [(8, 2, None), (6, 1, 3), (6, 3, 1)])
def test_lightnet_is_the_papers_average(width, heads, gate_rank):
    layer, x = filled(LightNet(width, heads, gate_rank)), torch.randn(1, T, width, dtype=torch.float64)
    want = lightnet(x[0].numpy(), weights(layer), heads)
    np.testing.assert_allclose(layer(x)[0][0].detach().numpy(), want, atol=1e-12)


def test_lightnet_memory_does_not_mind_the_order():
    layer = LightNet(8, heads=2).double()
    x = torch.randn(1, T, 8, dtype=torch.float64)
    assert_close(layer(x.flip(1))[1], layer(x)[1])


def test_lightnet_weighs_keys_that_exp_could_not_hold():
    layer = LightNet(8, heads=2)
    with torch.no_grad():
        layer.key.weight.mul_(1e4)
    y, state = layer(torch.randn(2, T, 8))
    assert y.isfinite().all() and state.memory.S.isfinite().all()
    layer.value.weight.data.fill_(1.0)  # a mean of equal rows lies between the least and the largest of them
    x = torch.randn(1, T, 8)
    _, state = layer(x)
    v = x.sum(-1)
    assert state.memory.S.min() >= v.min() - 1e-4 and state.memory.S.max() <= v.max() + 1e-4
