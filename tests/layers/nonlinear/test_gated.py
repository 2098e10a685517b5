"""LSTMs and GRUs with other gates or normalisations: equations step by step, starts, and what each claims."""
import pytest
import torch
from torch import sigmoid, tanh
from torch.testing import assert_close

from reprise.core.errors import InputError
from reprise.layers.linear.light.quasi_lstm import QuasiLSTM
from reprise.layers.nonlinear.gated.gru_cho import GRUCho
from reprise.layers.nonlinear.gated.layer_norm_lstm import LayerNormLSTM
from reprise.layers.nonlinear.gated.mgu import MGU
from reprise.layers.nonlinear.gated.multiplicative_lstm import MultiplicativeLSTM
from reprise.layers.nonlinear.gated.weight_norm_lstm import WeightNormLSTM
from reprise.layers.nonlinear.gru import GRU
from reprise.layers.nonlinear.lstm import LSTM
from reprise.layers.registry import create_layer
from reprise.ops.lstm import LSTMMemory

D, T = 6, 9
NAMES = ["gru_cho", "mgu", "multiplicative_lstm", "slstm", "layer_norm_lstm", "weight_norm_lstm", "quasi_lstm",
         "elementwise_lstm", "columnar"]


@pytest.fixture
def x() -> torch.Tensor:
    return torch.randn(T, D, dtype=torch.float64)


def loud(layer):
    """Parameters of size one, so that no gate hides near a half and no squashing near the identity."""
    layer.double()
    with torch.no_grad():
        for p in layer.parameters():
            p.normal_(std=0.7)
    return layer


def assert_steps(layer, x, ys):
    assert_close(layer(x[None])[0][0], torch.stack(ys))


def zeros():
    return torch.zeros(D, dtype=torch.float64)


def test_gru_cho_equations(x):
    layer, h, ys = loud(GRUCho(D)), zeros(), []
    (W_r, W_z, W), (b_r, b_z, b) = layer.from_x.weight.chunk(3), layer.from_x.bias.chunk(3)
    U_r, U_z = layer.gates_from_h.weight.chunk(2)
    for x_t in x:
        r, z = sigmoid(W_r @ x_t + U_r @ h + b_r), sigmoid(W_z @ x_t + U_z @ h + b_z)
        h = z * h + (1 - z) * tanh(W @ x_t + layer.candidate_from_h.weight @ (r * h) + b)
        ys.append(h)
    assert_steps(layer, x, ys)


def test_gru_cho_is_not_gru_unless_nothing_is_reset(x):
    layer, plain = loud(GRUCho(D)), GRU(D).double()

    def both():
        with torch.no_grad():
            plain.from_x.weight.copy_(layer.from_x.weight)
            plain.from_x.bias.copy_(layer.from_x.bias)
            plain.from_h.weight.copy_(torch.cat([layer.gates_from_h.weight, layer.candidate_from_h.weight]))
            plain.from_h.bias.zero_()
            return layer(x[None])[0], plain(x[None])[0]

    one, other = both()
    assert (one - other).abs().max() > 0.05
    layer.from_x.bias.data[:D] = 50.0  # r = 1
    assert_close(*both())


def test_gru_cho_starts_as_its_paper():
    layer = GRUCho(64)
    assert_close(layer.from_x.weight.std(), torch.tensor(0.01), rtol=0.05, atol=0)
    assert not layer.from_x.bias.any()
    for U in (*layer.gates_from_h.weight.chunk(2), layer.candidate_from_h.weight):
        assert_close(U @ U.T, torch.eye(64), atol=1e-5, rtol=0)


def test_mgu_equations(x):
    layer, h, ys = loud(MGU(D)), zeros(), []
    (W_f, W), (b_f, b) = layer.from_x.weight.chunk(2), layer.from_x.bias.chunk(2)
    for x_t in x:
        f = sigmoid(W_f @ x_t + layer.gate_from_h.weight @ h + b_f)
        h = (1 - f) * h + f * tanh(W @ x_t + layer.candidate_from_h.weight @ (f * h) + b)
        ys.append(h)
    assert_steps(layer, x, ys)


def test_mgu_is_a_gru_whose_gates_are_one(x):
    """Reset r = f and update 1 - z = f: the GRU with equal, opposite weights."""
    layer, gru = loud(MGU(D)), GRUCho(D).double()
    with torch.no_grad():
        for ours, theirs in ((layer.from_x.weight, gru.from_x.weight), (layer.from_x.bias, gru.from_x.bias)):
            gate, candidate = ours.chunk(2)
            theirs.copy_(torch.cat([gate, -gate, candidate]))
        gate = layer.gate_from_h.weight
        gru.gates_from_h.weight.copy_(torch.cat([gate, -gate]))
        gru.candidate_from_h.weight.copy_(layer.candidate_from_h.weight)
    assert_close(layer(x[None]), gru(x[None]))


def test_multiplicative_lstm_equations(x):
    layer, h, c, ys = loud(MultiplicativeLSTM(D)), zeros(), zeros(), []
    for x_t in x:
        m = (layer.factor_from_x.weight @ x_t) * (layer.factor_from_h.weight @ h)
        i, f, g, o = (layer.from_x.weight @ x_t + layer.from_x.bias + layer.from_m.weight @ m).chunk(4)
        c = sigmoid(f) * c + sigmoid(i) * tanh(g)
        h = sigmoid(o) * tanh(c)
        ys.append(h)
    assert_steps(layer, x, ys)


def test_multiplicative_lstm_has_a_recurrent_matrix_for_every_input(x):
    """Of one input, it is an LSTM with U diag(M x) N."""
    layer, plain = loud(MultiplicativeLSTM(D)), LSTM(D).double()
    memory = LSTMMemory(*torch.randn(2, 1, D, dtype=torch.float64))
    with torch.no_grad():
        plain.from_x.load_state_dict(layer.from_x.state_dict())
        for x_t in x:
            factor = layer.factor_from_x(x_t)
            plain.from_h.weight.copy_(layer.from_m.weight @ torch.diag(factor) @ layer.factor_from_h.weight)
            one, other = (z.advance(z.project(x_t[None]), memory) for z in (layer, plain))
            assert_close(one, other)


def test_layer_norm_lstm_equations(x):
    layer, h, c, ys = loud(LayerNormLSTM(D)), zeros(), zeros(), []

    def norm(a, gain, bias=0):
        return gain * (a - a.mean()) / (((a - a.mean()) ** 2).mean() + 1e-5).sqrt() + bias

    for x_t in x:
        sums = norm(layer.from_x.weight @ x_t, layer.norm_x.weight, layer.norm_x.bias)
        i, f, g, o = (sums + norm(layer.from_h.weight @ h, layer.norm_h.weight)).chunk(4)
        c = sigmoid(f) * c + sigmoid(i) * tanh(g)
        h = sigmoid(o) * tanh(norm(c, layer.norm_c.weight, layer.norm_c.bias))
        ys.append(h)
    assert_steps(layer, x, ys)


def test_layer_norm_lstm_is_blind_to_the_scale_of_a_case_and_of_a_matrix(x):
    """Sec. 5.1 of the paper; not to that of one unit's weights. The 1e-5 is all that differs."""
    layer = LayerNormLSTM(D).double()
    want = layer(x[None])[0]
    near = {"rtol": 1e-3, "atol": 1e-3}
    assert_close(layer(100 * x[None])[0], want, **near)
    layer.from_x.weight.data *= 30
    assert_close(layer(x[None])[0], want, **near)
    layer.from_x.weight.data += torch.randn(D, dtype=torch.float64)  # the same for every unit
    assert_close(layer(x[None])[0], want, **near)
    layer.from_x.weight.data[0] *= 30
    assert (layer(x[None])[0] - want).abs().max() > 0.05


def test_layer_norm_lstm_starts_with_gains_of_one():
    layer = LayerNormLSTM(D)
    assert all((norm.weight == 1).all() for norm in (layer.norm_x, layer.norm_h, layer.norm_c))
    i, f, g, o = layer.norm_x.bias.chunk(4)
    assert (f == 1).all() and not any(b.any() for b in (i, g, o, layer.norm_c.bias))
    assert layer.norm_h.bias is None


def test_quasi_lstm_equations(x):
    layer, c, ys = loud(QuasiLSTM(D, hidden=8)), 0, []
    for x_t in x:
        f, i, z = layer.into_cell(x_t).chunk(3)
        c = sigmoid(f + 1) * c + sigmoid(i) * tanh(z)
        ys.append(layer.out(sigmoid(layer.output_gate(x_t)) * tanh(c)))
    assert_steps(layer, x, ys)


def test_quasi_lstm_is_an_lstm_without_recurrent_weights(x):
    layer, plain = loud(QuasiLSTM(D)), LSTM(D).double()
    with torch.no_grad():
        layer.out.weight.copy_(torch.eye(D))
        layer.out.bias.zero_()
        plain.from_h.weight.zero_()
        for name in ("weight", "bias"):
            f, i, z = getattr(layer.into_cell, name).chunk(3)
            getattr(plain.from_x, name).copy_(torch.cat([i, f, z, getattr(layer.output_gate, name)]))
        plain.from_x.bias[D : 2 * D] += 1
    assert_close(layer(x[None])[0], plain(x[None])[0])


def test_quasi_lstm_starts_as_the_authors_code():
    layer = QuasiLSTM(64)
    for linear in (layer.into_cell, layer.output_gate, layer.out):
        assert_close(linear.weight.std(), torch.tensor(0.02), rtol=0.05, atol=0)
        assert not linear.bias.any()


@pytest.mark.parametrize("name", NAMES)
def test_steps_become_machine_code(name):
    assert create_layer(name, D).prepare_step() == "machine code"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("width", [1, 5, 256])
def test_any_width(name, width):
    x = torch.randn(2, 3, width)
    assert create_layer(name, width)(x)[0].isfinite().all()


@pytest.mark.parametrize(("name", "options", "message"), [
    ("slstm", {"heads": 3}, "width=4 is not divisible by heads=3; try heads=2"),
    ("slstm", {"heads": 0}, "try heads=1"),
    ("slstm", {"kernel_size": 0}, "try kernel_size=1"),
    ("quasi_lstm", {"hidden": 0}, "try hidden=1"),
])
def test_errors_say_what_to_do(name, options, message):
    with pytest.raises(InputError, match=message):
        create_layer(name, 4, **options)


def test_weight_norm_lstm_is_the_lstm_of_its_matrices(x):
    layer, plain = loud(WeightNormLSTM(D)), LSTM(D).double()
    with torch.no_grad():
        for ours, theirs in ((layer.from_x, plain.from_x), (layer.from_h, plain.from_h)):
            rows = [g * v / v.square().sum().sqrt() for g, v in zip(ours.length, ours.direction, strict=True)]
            theirs.weight.copy_(torch.stack(rows))
        plain.from_x.bias.copy_(layer.bias)
    assert_close(layer(x[None]), plain(x[None]))
    assert_close(layer.advance(*given(layer, x)), plain.advance(*given(plain, x)))


def given(layer, x):
    generator = torch.Generator().manual_seed(0)
    memory = LSTMMemory(*torch.randn(2, 1, D, dtype=torch.float64, generator=generator))
    return layer.project(x[None, 0]), memory
