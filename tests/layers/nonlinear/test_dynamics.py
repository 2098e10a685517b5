"""What the laws cannot know of dynamical systems: their equations, step by step, how they start, what they promise."""

import pytest
import torch
from torch.nn.functional import layer_norm, one_hot
from torch.testing import assert_close

from reprise.core.errors import InputError
from reprise.core.state import named_tensors
from reprise.layers.nonlinear.dynamics.hyper_lstm import HyperLSTM
from reprise.layers.nonlinear.dynamics.indrnn import IndRNN
from reprise.layers.nonlinear.dynamics.jordan import Jordan
from reprise.layers.nonlinear.dynamics.pv_rnn import PVRNN
from reprise.layers.nonlinear.dynamics.urn import URN
from reprise.layers.registry import create_layer
from reprise.testing import prove

D, T = 5, 9


@pytest.fixture
def x() -> torch.Tensor:
    return torch.randn(T, D, dtype=torch.float64)


def assert_steps(layer, x, ys):
    assert_close(layer(x[None])[0][0], torch.stack(ys))


def shaken(layer):
    """With parameters away from where they start, where many are zero or one."""
    layer = layer.double()
    with torch.no_grad():
        for p in layer.parameters():
            p += 0.3 * torch.randn_like(p)
    return layer


def test_indrnn_equations(x):
    layer, h, ys = shaken(IndRNN(D)), torch.zeros(D, dtype=torch.float64), []
    bound = 2 ** (1 / 1000)
    for x_t in x:
        inward, before = layer.from_x.weight @ x_t + layer.from_x.bias, h
        h = torch.stack([max(inward[n] + min(max(u, -bound), bound) * before[n], torch.zeros(()).double())
                         for n, u in enumerate(layer.u.tolist())])
        ys.append(h)
    assert_steps(layer, x, ys)


def test_indrnn_starts_between_forgetting_and_growing_twofold():
    u = IndRNN(2000, horizon=10).u
    assert 0 <= u.min() < 0.01 and 1.06 < u.max() <= 2 ** (1 / 10)
    assert not IndRNN(3).from_x.bias.any()


def test_indrnn_at_its_bound_doubles_over_the_horizon_and_can_come_back():
    layer = IndRNN(1, horizon=20).double()
    layer.u.data.fill_(5.0)
    layer.from_x.weight.data.fill_(1.0)
    x = torch.zeros(1, 21, 1, dtype=torch.float64)
    x[:, 0] = 1
    y, _ = layer(x)
    assert_close(y[0, -1, 0].item(), 2.0)
    y.sum().backward()
    assert layer.u.grad.item() > 0


def test_jordan_equations(x):
    layer, y, ys = Jordan(D, hidden=7).double(), torch.zeros(D, dtype=torch.float64), []
    for x_t in x:
        h = torch.tanh(layer.from_x.weight @ x_t + layer.from_x.bias + layer.from_y.weight @ y)
        y = layer.out.weight @ h + layer.out.bias
        ys.append(y)
    assert_steps(layer, x, ys)


def test_pv_rnn_equations(x):
    layer, ys = shaken(PVRNN(D, hidden=8, time_constants=(1.5, 3.0, 6.0))), []
    groups, taus = ([0, 1, 2], [3, 4, 5], [6, 7]), (1.5, 3.0, 6.0)
    sees = (groups[0] + groups[1], groups[0] + groups[1] + groups[2], groups[1] + groups[2])
    h = torch.zeros(8, dtype=torch.float64)
    for x_t in x:
        d, new = torch.tanh(h), h.clone()
        for units, tau, seen, W in zip(groups, taus, sees, layer.around, strict=True):
            inside = W @ d[seen] + layer.from_x.weight[units] @ x_t + layer.from_x.bias[units]
            new[units] = (1 - 1 / tau) * h[units] + inside / tau
        h = new
        ys.append(layer.out.weight @ torch.tanh(h)[:3] + layer.out.bias)
    assert_steps(layer, x, ys)


def test_pv_rnn_groups_forget_at_their_own_rates():
    layer = PVRNN(6, time_constants=(2.0, 8.0))
    with torch.no_grad():
        for p in layer.parameters():
            p.zero_()
        h = layer.advance(torch.zeros(1, 6), torch.ones(1, 6))
    assert_close(h[0], torch.tensor([0.5] * 3 + [7 / 8] * 3))


def skew(entries, n, k):
    M, entries = torch.zeros(n, n, dtype=torch.float64), iter(entries)
    for i in range(k):
        for j in range(i + 1, n):
            M[i, j] = next(entries)
    return M - M.T


@pytest.mark.parametrize(("n", "k"), [(6, 2), (4, 3), (12, 2), (20, 1)])
def test_urn_equations(x, n, k):
    layer, ys = URN(D, hidden=n, rows=k).double(), []
    s = torch.eye(n, dtype=torch.float64)[0]
    for x_t in x:
        S = skew(layer.entries.weight @ x_t, n, k)
        turns, V = torch.linalg.eig(S)
        Q = (V @ torch.diag(torch.exp(turns)) @ torch.linalg.inv(V)).real
        assert_close(Q.T @ Q, torch.eye(n, dtype=torch.float64))
        s = Q @ s
        ys.append(layer.out.weight @ s + layer.out.bias)
    assert_steps(layer, x, ys)


def test_urn_of_few_rows_keeps_all_laws():
    """Where the exponential is taken of a small matrix; at the width of the registered laws it is not."""
    prove(URN(4, hidden=12, rows=2))


def test_urn_keeps_its_length():
    layer, x = URN(8), torch.randn(2, 1000, 8)
    with torch.no_grad():
        for kind, tolerance in ((torch.float64, 1e-10), (torch.float32, 1e-3)):
            _, state = layer.to(kind)(x.to(kind))
            assert_close(state.memory.norm(dim=-1), torch.ones(2, dtype=kind), rtol=tolerance, atol=0)


def test_urn_of_words_is_the_product_of_their_matrices():
    """Strict composition: a phrase is one rotation, and it does not matter how it is bracketed."""
    layer = URN(4, hidden=6, rows=2).double()
    words = one_hot(torch.tensor([[2, 0, 3, 0]]), 4).double()
    Q = layer.project(words)[0]
    phrase = (Q[3] @ Q[2]) @ (Q[1] @ Q[0])
    assert_close(layer(words)[1].memory[0], phrase[:, 0])
    assert_close(Q[1], Q[3])
    assert torch.linalg.matrix_rank(Q[0] - torch.eye(6)) <= 4, "outside of 2 k dimensions it is the identity"


def norm(z):
    return layer_norm(z, z.shape[-1:], eps=1e-3)


def lstm_step(sums, gates, c):
    i, g, f, o = (norm(s) * a + b for s, a, b in zip(sums, gates.gain, gates.bias, strict=True))
    c = torch.sigmoid(f + 1) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(norm(c) * gates.norm.weight + gates.norm.bias), c


def test_hyper_lstm_equations(x):
    S, Z = 3, 2
    layer, ys = shaken(HyperLSTM(D, small=S, embedding=Z)), []
    h, c, s, small_c = (torch.zeros(n, dtype=torch.float64) for n in (D, D, S, S))
    for x_t in x:
        sums = layer.small_from_x.weight @ x_t + layer.small_from_x.bias + layer.small_from_h.weight @ h
        s, small_c = lstm_step((sums + layer.small_around.weight @ s).split(S), layer.small_gates, small_c)
        z, shifts = layer.to_scales.weight @ s + layer.to_scales.bias, layer.to_shift.weight @ s
        sums = []
        for k in range(4):
            U, W = layer.from_h.weight[k * D : (k + 1) * D], layer.from_x.weight[k * D : (k + 1) * D]
            d = layer.scales[k].T @ z[k * Z : (k + 1) * Z]
            r = layer.scales[4 + k].T @ z[(4 + k) * Z : (5 + k) * Z]
            b = layer.shift[k].T @ shifts[k * Z : (k + 1) * Z] + layer.bias[k]
            sums.append(d * (U @ h) + r * (W @ x_t) + b)
        h, c = lstm_step(sums, layer.gates, c)
        ys.append(h)
    assert_steps(layer, x, ys)


def test_hyper_lstm_starts_with_scales_of_one():
    layer = HyperLSTM(6)
    for start in (torch.zeros(1, 6), torch.randn(1, 6)):
        scales = torch.einsum("bgz,gzn->bgn", layer.to_scales(start).unflatten(-1, (8, -1)), layer.scales)
        assert_close(scales, torch.ones(1, 8, 6))
    assert_close(layer.from_h.weight[6:12] @ layer.from_h.weight[6:12].T, torch.eye(6))
    assert 0.005 < layer.to_shift.weight.std() < 0.02
    assert not layer.shift.any() and not layer.bias.any()


def test_hyper_lstm_learns_everywhere_from_the_second_update_on():
    layer, x = HyperLSTM(4), torch.randn(2, 6, 4)
    optimiser = torch.optim.SGD(layer.parameters(), 0.1)
    for _ in range(2):
        optimiser.zero_grad()
        (layer(x)[0] * torch.randn(2, 6, 4)).sum().backward()
        optimiser.step()
    assert all(p.grad.any() for p in layer.parameters())


@pytest.mark.parametrize("name", [
    "indrnn", "jordan", "plrnn", "clipped_plrnn", "pv_rnn", "urn", "echo_state", "hyper_lstm", "leaky_rnn", "lem",
    "cfc", "ltc", "sparse_combo", "svd_combo", "hippo_rnn"])
def test_autocast_leaves_the_memory_its_precision(name):
    layer, x = create_layer(name, 8), torch.randn(2, 30, 8)
    with torch.autocast("cpu", torch.bfloat16):
        _, state = layer(x)
    assert {s.dtype for _, s in named_tensors(state) if s.is_floating_point()} == {torch.float32}
    want, _ = layer(x, state)
    again, _ = layer(x, layer(x)[1])
    assert_close(want, again, rtol=0, atol=0.05)


@pytest.mark.parametrize(("name", "options", "message"), [
    ("indrnn", {"horizon": 0}, "try horizon=1"),
    ("pv_rnn", {"time_constants": (0.5,)}, "time constants of 1 or more"),
    ("pv_rnn", {"time_constants": ()}, r"try \(2.0, 4.0, 8.0\)"),
    ("pv_rnn", {"hidden": 2}, "try hidden=3"),
    ("pv_rnn", {"time_constants": 2.0}, "one for each group, got 2.0"),
    ("urn", {"hidden": 3, "rows": 3}, "rows below hidden=3, got 3; try rows=2"),
    ("urn", {"hidden": 1}, "hidden=2"),
])
def test_errors_say_what_to_do(name, options, message):
    with pytest.raises(InputError, match=message):
        create_layer(name, 4, **options)
