"""What the laws cannot know of layers with time constants: equations, step by step, how they start, bounds."""
import pytest
import torch
from torch.nn.functional import softplus
from torch.testing import assert_close

from reprise.core.errors import InputError
from reprise.layers.nonlinear.continuous.cfc import CfC
from reprise.layers.nonlinear.continuous.leaky_rnn import LeakyRNN
from reprise.layers.nonlinear.continuous.lem import LEM
from reprise.layers.nonlinear.continuous.ltc import LTC
from reprise.layers.registry import create_layer

D, T = 5, 9


@pytest.fixture
def x() -> torch.Tensor:
    return torch.randn(T, D, dtype=torch.float64)


def assert_steps(layer, x, ys):
    assert_close(layer(x[None])[0][0], torch.stack(ys))


def sigmoid(z):
    return 1 / (1 + torch.exp(-z))


def test_leaky_rnn_equations(x):
    layer, h, ys = LeakyRNN(D).double(), torch.zeros(D, dtype=torch.float64), []
    with torch.no_grad():
        layer.from_h.weight.normal_()  # the diagonal too, which the layer must not see
        layer.tau.copy_(torch.tensor([0.3, 1.0, 1.5, 2.0, 9.0]))
    tau = torch.tensor([1.0, 1.0, 1.5, 2.0, 9.0], dtype=torch.float64)
    W = layer.from_h.weight - torch.diag(torch.diag(layer.from_h.weight))
    for x_t in x:
        h = (1 - 1 / tau) * h + (W @ h + layer.from_x.weight @ x_t + layer.from_x.bias) / tau
        h = torch.where(h > 0, h, 0.01 * h)
        ys.append(h)
    assert_steps(layer, x, ys)
    assert torch.equal(layer.timescales.detach(), tau)


def test_leaky_rnn_starts_with_time_constants_of_one_to_two():
    layer = LeakyRNN(300)
    assert 1 <= layer.timescales.min() < 1.02 and 1.98 < layer.timescales.max() < 2
    assert not layer.from_h.weight.diagonal().any() and layer.from_h.weight.any()


def test_leaky_rnn_alone_decays_at_its_time_constant():
    layer = LeakyRNN(1).double()
    with torch.no_grad():
        for p, value in ((layer.from_x.weight, 1.0), (layer.from_x.bias, 0.0), (layer.tau, 4.0)):
            p.fill_(value)
    x = torch.zeros(1, 6, 1, dtype=torch.float64)
    x[:, 0] = 1
    assert_close(layer(x)[0][0, :, 0], 0.75 ** torch.arange(6, dtype=torch.float64) / 4)


@pytest.mark.parametrize("dt", [1.0, 0.2])
def test_lem_equations(x, dt):
    layer, ys = LEM(D, dt).double(), []
    y, z = torch.zeros(2, D, dtype=torch.float64)
    V1, V2, Vz, Vy = layer.from_x.weight.split(D)
    b1, b2, bz, by = layer.from_x.bias.split(D)
    W1, W2, Wz = layer.from_y.weight.split(D)
    for x_t in x:
        first, second = dt * sigmoid(W1 @ y + V1 @ x_t + b1), dt * sigmoid(W2 @ y + V2 @ x_t + b2)
        z = (1 - first) * z + first * torch.tanh(Wz @ y + Vz @ x_t + bz)
        y = (1 - second) * y + second * torch.tanh(layer.from_z.weight @ z + Vy @ x_t + by)
        ys.append(y)
    assert_steps(layer, x, ys)


def test_lem_stays_within_one_and_starts_uniform():
    layer = LEM(16)
    assert all(0.2 < p.abs().max() <= 0.25 for p in layer.parameters())
    for p in layer.parameters():
        p.data.mul_(30)
    y, state = layer(20 * torch.randn(4, 200, 16))
    assert y.abs().max() <= 1 and state.memory.z.abs().max() <= 1 < 1.05 * y.abs().max()


def test_cfc_equations(x):
    layer, h, ys = CfC(D, units=7, layers=2, elapsed=0.4).double(), torch.zeros(D, dtype=torch.float64), []
    F, G, A, C = layer.heads.weight.split(D)
    p, q, a, c = layer.heads.bias.split(D)
    W = torch.cat([layer.from_x.weight, layer.from_h.weight], 1)
    for x_t in x:
        u = 1.7159 * torch.tanh(0.666 * (W @ torch.cat([x_t, h]) + layer.from_x.bias))
        u = 1.7159 * torch.tanh(0.666 * (layer.deeper[0].weight @ u + layer.deeper[0].bias))
        s = sigmoid((A @ u + a) * 0.4 + C @ u + c)
        h = (1 - s) * torch.tanh(F @ u + p) + s * torch.tanh(G @ u + q)
        ys.append(h)
    assert_steps(layer, x, ys)


def current(synapses, v, i):
    """What neuron i gets: conductance, and conductance times reversal."""
    total, pull = 0.0, 0.0
    for j, v_j in enumerate(v):
        act = softplus(synapses.w[j, i]) * sigmoid(synapses.slope[j, i] * (v_j - synapses.middle[j, i]))
        total, pull = total + act, pull + act * synapses.reversal[j, i]
    return total, pull


@pytest.mark.parametrize(("elapsed", "substeps"), [(1.0, 6), (0.25, 2)])
def test_ltc_equations(x, elapsed, substeps):
    layer, N, ys = LTC(D, hidden=3, elapsed=elapsed, substeps=substeps).double(), 3, []
    with torch.no_grad():
        for p in (layer.scale, layer.shift, layer.leak, layer.capacitance):
            p += 0.5 * torch.randn_like(p)
    v, g, c = torch.zeros(N, dtype=torch.float64), softplus(layer.leak), softplus(layer.capacitance)
    for x_t in x[:4]:
        u = layer.scale * x_t + layer.shift
        for _ in range(substeps):
            new = []
            for i in range(N):
                (from_u, pull_u), (from_v, pull_v) = current(layer.sensory, u, i), current(layer.inner, v, i)
                inertia = c[i] / (elapsed / substeps)
                new.append((inertia * v[i] + g[i] * layer.resting[i] + pull_u + pull_v)
                           / (inertia + g[i] + from_u + from_v))
            v = torch.stack(new)
        ys.append(layer.out.weight @ v + layer.out.bias)
    assert_steps(layer, x[:4], ys)


def test_ltc_starts_as_the_authors_code():
    layer = LTC(20, hidden=30)
    for synapses in (layer.sensory, layer.inner):
        w = softplus(synapses.w)
        assert 0.0099 < w.min() < 0.05 and 0.97 < w.max() <= 1.0001
        assert synapses.slope.min() >= 3 and synapses.slope.max() <= 8
        assert synapses.middle.min() >= 0.3 and synapses.middle.max() <= 0.8
        assert set(synapses.reversal.flatten().tolist()) == {-1.0, 1.0}
    _, leak, inertia = layer.positive()
    assert_close(leak, torch.ones(30))
    assert_close(inertia, torch.full((30,), 0.5))
    assert layer.resting.abs().max() <= 0.2


def test_ltc_stays_between_its_potentials_whatever_comes():
    layer = LTC(4, hidden=6).double()
    with torch.no_grad():
        for p in layer.parameters():
            p += torch.randn_like(p)
    potentials = torch.cat([layer.resting, layer.sensory.reversal.flatten(), layer.inner.reversal.flatten()])
    v = layer.initial_memory(1000)
    with torch.no_grad():
        for _ in range(10):
            v = layer.advance(layer.project(100 * torch.randn(1000, 4, dtype=torch.float64)), v)
            assert (v >= min(0.0, potentials.min())).all() and (v <= max(0.0, potentials.max())).all()


@pytest.mark.parametrize(("name", "options", "message"), [
    ("lem", {"dt": 0.0}, r"dt in \(0, 1\]"),
    ("lem", {"dt": 1.5}, "try dt=1.0"),
    ("cfc", {"elapsed": 0.0}, "try elapsed=1.0"),
    ("ltc", {"elapsed": -1.0}, "try elapsed=1.0"),
    ("ltc", {"substeps": 0}, "try substeps=1"),
])
def test_errors_say_what_to_do(name, options, message):
    with pytest.raises(InputError, match=message):
        create_layer(name, 4, **options)
