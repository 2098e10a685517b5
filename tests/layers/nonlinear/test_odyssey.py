"""The LSTM with peepholes and its variants: equations step by step, and what each is where its change does nothing."""
import pytest
import torch
from torch.testing import assert_close

from reprise.layers.nonlinear.lstm import LSTM
from reprise.layers.nonlinear.odyssey.lstm_cifg import LSTMCIFG
from reprise.layers.nonlinear.odyssey.lstm_fgr import LSTMFGR
from reprise.layers.nonlinear.odyssey.lstm_nfg import LSTMNFG
from reprise.layers.nonlinear.odyssey.lstm_nig import LSTMNIG
from reprise.layers.nonlinear.odyssey.lstm_nog import LSTMNOG
from reprise.layers.nonlinear.odyssey.lstm_np import LSTMNP
from reprise.layers.nonlinear.odyssey.lstm_peephole import LSTMPeephole
from reprise.layers.registry import create_layer

D, T = 5, 9
ALWAYS = 50.0  # a gate that is given this is one, to the last digit of float64
VARIANTS = ["lstm_peephole", "lstm_nig", "lstm_nfg", "lstm_nog", "lstm_niaf", "lstm_noaf", "lstm_cifg", "lstm_fgr",
            "lstm_np"]


@pytest.fixture
def x() -> torch.Tensor:
    return 2 * torch.randn(T, D, dtype=torch.float64)


def loud(layer):
    """Parameters of size one, so that no gate hides near a half and no squashing near the identity."""
    layer.double()
    with torch.no_grad():
        for p in layer.parameters():
            p.normal_()
    return layer


def by_the_paper(name, layer, x):
    """Every output, in the paper's letters: z candidate, y output, R recurrent, p peephole."""
    own = {"lstm_nig": "fzo", "lstm_nfg": "izo", "lstm_cifg": "izo", "lstm_nog": "ifz"}.get(name, "ifzo")
    W, b, R = ({k: m[D * j : D * j + D] for j, k in enumerate(own)}
               for m in (layer.from_x.weight, layer.from_x.bias, layer.from_h.weight))
    p = dict.fromkeys(own, 0.0) if name == "lstm_np" else dict(zip(own.replace("z", ""), layer.peepholes, strict=True))
    y = c = torch.zeros(D, dtype=torch.float64)
    last, ys = dict.fromkeys("ifo", c), []

    def gate(k, c):
        if k not in own:
            return torch.ones(D, dtype=torch.float64)
        s = W[k] @ x_t + R[k] @ y + p[k] * c + b[k]
        if name == "lstm_fgr":
            for j, other in enumerate("ifo"):
                at = D * "ifo".index(k)
                s = s + layer.from_gates.weight[at : at + D, D * j : D * j + D] @ last[other]
        return 1 / (1 + torch.exp(-s))

    for x_t in x:
        z = W["z"] @ x_t + R["z"] @ y + b["z"]
        i = gate("i", c)
        f = 1 - i if name == "lstm_cifg" else gate("f", c)
        c = (z if name == "lstm_niaf" else torch.tanh(z)) * i + c * f
        o = gate("o", c)
        y = (c if name == "lstm_noaf" else torch.tanh(c)) * o
        last = {"i": i, "f": f, "o": o}
        ys.append(y)
    return torch.stack(ys)


@pytest.mark.parametrize("name", VARIANTS)
def test_equations(name, x):
    layer = loud(create_layer(name, D))
    assert_close(layer(x[None])[0][0], by_the_paper(name, layer, x))


@pytest.mark.parametrize("name", VARIANTS)
def test_newtons_iteration_finds_the_same(name, x):
    layer = create_layer(name, D).double()
    newton = create_layer(name, D, solver="newton").double()
    newton.load_state_dict(layer.state_dict())
    assert_close(newton(x[None])[0], layer(x[None])[0])


@pytest.mark.parametrize("name", VARIANTS)
def test_all_starts_normal(name):
    layer = create_layer(name, 100)
    for parameter in layer.parameters():
        assert parameter.std().item() == pytest.approx(0.1, rel=0.2)
        assert abs(parameter.mean().item()) < 0.02


def test_without_peepholes_it_is_the_lstm(x):
    """The paper's NP."""
    layer, vanilla, plain = loud(LSTMNP(D)), LSTMPeephole(D).double(), LSTM(D).double()
    plain.load_state_dict(layer.state_dict())
    assert_close(layer(x[None]), plain(x[None]))
    with torch.no_grad():
        vanilla.peepholes.zero_()
    vanilla.load_state_dict(layer.state_dict(), strict=False)
    assert_close(layer(x[None]), vanilla(x[None]))


@pytest.mark.parametrize(("variant", "gone"), [(LSTMNIG, "i"), (LSTMNFG, "f"), (LSTMNOG, "o")])
def test_a_gate_that_is_gone_is_one(variant, gone, x):
    layer, vanilla = loud(variant(D)), loud(LSTMPeephole(D))
    with torch.no_grad():
        blocks = slice_of(gone)
        for ours, theirs in ((layer.from_x.weight, vanilla.from_x.weight), (layer.from_x.bias, vanilla.from_x.bias),
                             (layer.from_h.weight, vanilla.from_h.weight)):
            theirs[blocks] = 0
            theirs[[j for j in range(4 * D) if j not in range(4 * D)[blocks]]] = ours
        vanilla.from_x.bias[blocks] = ALWAYS
        place = "ifo".index(gone)
        vanilla.peepholes[place] = 0
        vanilla.peepholes[[j for j in range(3) if j != place]] = layer.peepholes
    assert_close(layer(x[None]), vanilla(x[None]))


def slice_of(gate):
    start = "ifgo".index(gate) * D
    return slice(start, start + D)


def test_coupled_gates_are_gates_of_opposite_sign(x):
    layer, vanilla = loud(LSTMCIFG(D)), loud(LSTMPeephole(D))
    with torch.no_grad():
        for ours, theirs in ((layer.from_x.weight, vanilla.from_x.weight), (layer.from_x.bias, vanilla.from_x.bias),
                             (layer.from_h.weight, vanilla.from_h.weight)):
            i, rest = ours.split([D, 2 * D])
            theirs.copy_(torch.cat([i, -i, rest]))
        i, o = layer.peepholes
        vanilla.peepholes.copy_(torch.stack([i, -i, o]))
    assert_close(layer(x[None]), vanilla(x[None]))


def test_gates_that_do_not_see_gates_are_the_vanilla_ones(x):
    layer, vanilla = loud(LSTMFGR(D)), LSTMPeephole(D).double()
    assert layer.from_gates.weight.numel() == 9 * D * D
    with torch.no_grad():
        layer.from_gates.weight.zero_()
    vanilla.load_state_dict({n: p for n, p in layer.state_dict().items() if n != "from_gates.weight"})
    y, state = layer(x[None])
    want, end = vanilla(x[None])
    assert_close(y, want)
    assert_close(state.memory[:2], tuple(end.memory))


@pytest.mark.parametrize("name", VARIANTS)
def test_steps_become_machine_code(name):
    layer = create_layer(name, D)
    assert layer.prepare_step() == "machine code"
