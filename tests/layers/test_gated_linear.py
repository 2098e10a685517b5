"""Gated and turning linear layers: their equations, how they start, and what the range of their gates lets them do."""
import math

import pytest
import torch
from torch.nn.functional import sigmoid, silu, softplus
from torch.testing import assert_close

from reprise.layers.linear.light.qrnn import QRNN
from reprise.layers.linear.mamba import Mamba
from reprise.layers.linear.mingru import MinGRU
from reprise.layers.linear.transitions.gateloop import GateLoop
from reprise.layers.linear.transitions.mamba_negative import MambaNegative
from reprise.layers.nonlinear.gated.sru import SRU

D, T = 4, 9


@pytest.fixture
def x() -> torch.Tensor:
    return torch.randn(T, D, dtype=torch.float64)


def assert_steps(layer, x, ys):
    assert_close(layer(x[None])[0][0], torch.stack(ys))


def test_qrnn_equations(x):
    layer, c, last, ys = QRNN(D).double(), 0, torch.zeros(D, dtype=torch.float64), []
    (Wz, Wf), (bz, bf) = layer.pooled.weight.chunk(2), layer.pooled.bias.chunk(2)
    for x_t in x:
        seen = torch.cat([x_t, last])
        z, f = torch.tanh(Wz @ seen + bz), sigmoid(Wf @ seen + bf)
        c = f * c + (1 - f) * z
        ys.append(sigmoid(layer.output_gate.weight @ seen + layer.output_gate.bias) * c)
        last = x_t
    assert_steps(layer, x, ys)


def sru_steps(layer, x, alpha):
    (W, U, R), (v, s), (b, d) = layer.inward.weight.chunk(3), layer.look, layer.bias
    c, ys = torch.zeros(D, dtype=torch.float64), []
    for x_t in x:
        f, r = sigmoid(U @ x_t + v * c + b), sigmoid(R @ x_t + s * c + d)
        c = f * c + (1 - f) * (W @ x_t)
        ys.append(r * c + (1 - r) * x_t * alpha)
    return ys


@pytest.mark.parametrize("highway_bias", [0.0, -2.0])
def test_sru_equations(x, highway_bias):
    alpha = math.sqrt(1 + 2 * math.exp(highway_bias))
    layer = SRU(D, highway_bias=highway_bias).double()
    assert_steps(layer, x, sru_steps(layer, x, alpha))
    torch.nn.init.normal_(layer.bias)  # alpha stays what it was at the start
    assert_steps(layer, x, sru_steps(layer, x, alpha))


def test_sru_starts_as_its_paper_says():
    layer = SRU(300, highway_bias=-3.0)
    spreads = [float(w.std()) * 300**0.5 for w in layer.inward.weight.detach().chunk(3)]
    assert spreads == pytest.approx([1, 0.5**0.5, 0.5**0.5], rel=0.02)
    assert layer.look.abs().max() <= 1.5**0.5 and float(layer.look.detach().std()) == pytest.approx(0.5**0.5, rel=0.1)
    assert layer.bias.mean(1).tolist() == [0, -3]


def test_sru_that_does_not_look_at_its_memory_is_linear(x):
    """v = s = 0 is the first preprint's; the memory is then a running average that a state enters linearly."""
    layer = SRU(D).double()
    torch.nn.init.zeros_(layer.look)
    state = layer.initial_state(1)
    ends = [layer(x[None], state._replace(memory=state.memory + shift))[1].memory for shift in (0.0, 1.0, 3.0)]
    assert_close(ends[2] - ends[0], 3 * (ends[1] - ends[0]))


def test_sru_by_newton_needs_only_the_diagonal(x):
    """No memory looks at another, so that its diagonal is the whole Jacobian."""
    layer, solved = SRU(D).double(), SRU(D, solver=("newton", {"jacobian": "diagonal"})).double()
    solved.load_state_dict(layer.state_dict())
    assert_close(solved(x[None]), layer(x[None]))


def test_gateloop_equations(x):
    layer, h, ys = GateLoop(D, hidden=6).double(), 0, []
    for x_t in x:
        a = sigmoid(layer.keep(x_t)) * torch.exp(1j * layer.turn(x_t))
        h = a * h + layer.key(x_t) * layer.value(x_t)
        ys.append(layer.out((layer.query(x_t) * h).real * silu(layer.gate(x_t))))
    assert_steps(layer, x, ys)


def test_gateloop_is_attention_with_positions_from_the_data(x):
    """The paper's surrogate: each pair of steps is weighed by the product of all transitions between them."""
    layer = GateLoop(D).double()
    log_a = torch.log(sigmoid(layer.keep(x))) + 1j * layer.turn(x)
    since = log_a.cumsum(0)
    causal = torch.ones(T, T).tril()[..., None]
    read = (causal * torch.exp(since[:, None] - since) * layer.key(x) * layer.value(x)).sum(1)
    assert_steps(layer, x, list(layer.out(layer.query(x) * read.real * silu(layer.gate(x)))))


def test_gateloop_starts_with_many_horizons():
    keep = sigmoid(GateLoop(64).keep.bias)
    assert_close(keep[[0, -1]], torch.tensor([0.5, 0.999]))
    assert (keep.diff() > 0).all()


@pytest.mark.parametrize(("kind", "transition"), [
    (Mamba, lambda moved: moved), (MambaNegative, lambda moved: 2 * moved - 1)])
def test_mamba_negative_equations(x, kind, transition):
    layer = kind(D, hidden=3, states=2, rank=2).double()
    layer.D.data.uniform_(0.5, 2)
    past, h, ys = torch.zeros(4, 3, dtype=torch.float64), torch.zeros(3, 2, dtype=torch.float64), []
    A = -layer.log_A.exp()
    for x_t in x:
        past = torch.cat([past[1:], layer.local.from_x(x_t)[None]])
        u = silu((past.flip(0) * layer.local.weight).sum(0) + layer.local.bias)
        low, B, C = (layer.select.weight @ u).split([2, 2, 2])
        dt = softplus(layer.step_size(low))
        h = transition(torch.exp(dt[:, None] * A)) * h + dt[:, None] * B * u[:, None]
        ys.append(layer.out((h @ C + layer.D * u) * silu(layer.gate(x_t))))
    assert_steps(layer, x, ys)


def moves(layer, x) -> torch.Tensor:
    """What each of a memory's numbers is multiplied by, at every step of the only row."""
    state = layer.initial_state(1)
    one = state._replace(memory=torch.ones_like(state.memory))
    rows = []
    for x_t in x:
        rows.append(layer.step(x_t[None], one)[1].memory - layer.step(x_t[None], state)[1].memory)
    return torch.cat(rows)


def test_eigenvalues_of_mamba_are_positive_unless_extended():
    x = 30 * torch.randn(60, D, dtype=torch.float64)
    plain, extended = moves(Mamba(D).double(), x), moves(MambaNegative(D).double(), x)
    assert plain.min() >= 0 and plain.max() <= 1
    assert extended.min() < -0.99 and extended.min() >= -1 - 1e-12 and extended.max() <= 1 + 1e-12


def parity_solver() -> MambaNegative:
    """One number of memory with the transition 1 - 2 x, and x written to it: 0, 1, 0, 1 ... at every one.

    The input is (x, 1): the second channel keeps u, and with it what is read, away from zero.
    """
    layer = MambaNegative(2, hidden=2, states=1, rank=1).double()
    for p in layer.parameters():
        torch.nn.init.zeros_(p)
    u = float(silu(torch.tensor(1.0, dtype=torch.float64)))  # of a channel that is one
    with torch.no_grad():
        layer.local.from_x.weight.copy_(torch.eye(2))
        layer.local.weight[0] = 1
        layer.select.weight[0, 0] = 2000 / u  # dt = softplus(2000 x - 1000), zero or 1000: exp(-dt) is one or zero
        layer.step_size.weight[0, 0], layer.step_size.bias[:] = 1, -1000
        layer.select.weight[1, 1] = 1 / (1000 * u * u)  # B u dt is one
        layer.select.weight[2, 1] = 1 / u  # C
        layer.gate.weight[0, 1] = 1
        layer.out.weight[0, 0] = 1 / u
    return layer


def test_mamba_negative_solves_parity():
    bits = torch.randint(2, (3, 200))
    x = torch.stack([bits, torch.ones_like(bits)], -1).double()
    assert_close(parity_solver()(x)[0][..., 0], (bits.cumsum(1) % 2).double(), rtol=0, atol=1e-9)


def test_mingru_stays_an_average_in_bfloat16():
    """Where a gate lets in less than bfloat16 can take from one, the memory must keep as much less."""
    layer = MinGRU(1).bfloat16()
    for p in layer.parameters():
        torch.nn.init.zeros_(p)
    layer.gate.bias.data.fill_(-7.0)
    y, _ = layer(torch.zeros(1, 20_000, 1, dtype=torch.bfloat16))
    assert 0.49 < y[0, -1, 0] < 0.51, "g(0) = 1/2"


def test_gateloop_multiplies_key_and_value_in_float32():
    layer, x = GateLoop(D).bfloat16(), torch.randn(1, T, D, dtype=torch.bfloat16)
    _, b = layer.project(x)
    assert torch.equal(b.real, layer.key(x).float() * layer.value(x).float())


def test_sru_does_not_freeze_in_bfloat16():
    """Steps of one part in a thousand of what is remembered are less than bfloat16 can add to it."""
    layer = SRU(1).bfloat16()
    with torch.no_grad():
        layer.inward.weight.copy_(torch.tensor([[1.0], [0.0], [0.0]]))
        layer.look.zero_()
        layer.bias[0] = 7.0
    _, state = layer(torch.ones(1, 4000, 1, dtype=torch.bfloat16))
    assert state.memory.dtype == torch.float32 and 0.95 < state.memory.item() <= 1
