"""LSTMs whose units do not see each other: equations, the derivative of a step, and starts."""
import pytest
import torch
from torch import sigmoid, tanh
from torch.testing import assert_close

from reprise.core.marks import NO_MARKS
from reprise.layers.nonlinear.gated.columnar import Columnar
from reprise.layers.nonlinear.gated.elementwise_lstm import ElementwiseLSTM
from reprise.layers.nonlinear.lstm import LSTM
from reprise.ops.lstm import LSTMMemory

D, T = 6, 9


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


def test_elementwise_lstm_equations(x):
    layer, c, ys = loud(ElementwiseLSTM(D)), zeros(), []
    (Z, F), (b_z, b_f) = layer.from_x.weight.chunk(2), layer.from_x.bias.chunk(2)
    for x_t in x:
        z = tanh(Z @ x_t + layer.z_from_c * c + b_z)
        f = sigmoid(F @ x_t + layer.f_from_c * c + b_f)
        c = f * c + (1 - f) * z
        o = sigmoid(layer.output_from_x.weight @ x_t + layer.output_from_x.bias + layer.output_from_c.weight @ c)
        ys.append(o * c)
    assert_steps(layer, x, ys)


@pytest.mark.parametrize("build", [ElementwiseLSTM, Columnar])
def test_units_do_not_see_each_other(build, x):
    """One step's derivative in the memory is diagonal, and what a unit remembers depends on its own parameters only."""
    layer = loud(build(D))
    state = layer(x[None])[1].memory
    parts = [state] if build is ElementwiseLSTM else list(state)

    def step(*parts):
        after = layer.advance(layer.project(x[None, 0]), parts[0] if len(parts) == 1 else LSTMMemory(*parts))
        return [after] if len(parts) == 1 else list(after)

    for row in torch.autograd.functional.jacobian(lambda *p: tuple(step(*p)), tuple(parts)):
        for block in row:
            block = block[0, :, 0]
            assert block.any()
            assert_close(block, torch.diag(block.diagonal()))
    every, _ = layer.recur(layer.project(x[None]), layer.initial_memory(1), NO_MARKS)
    grads = torch.autograd.grad(every[0, -1, 2], list(layer.parameters()), allow_unused=True)
    for (name, p), grad in zip(layer.named_parameters(), grads, strict=True):
        if grad is None:
            assert name.startswith("output_"), name
        elif name == "from_h":
            assert grad[:, 2].all() and not grad[:, [0, 1, 3, 4, 5]].any()
        else:
            by_unit = grad.unflatten(0, (-1, D)) if len(p) > D else grad[None]
            assert by_unit[:, 2].all() and not by_unit[:, [0, 1, 3, 4, 5]].any()


def test_elementwise_lstm_has_the_jacobian_it_says(x):
    layer = loud(ElementwiseLSTM(D))
    c, p = torch.randn(1, D, dtype=torch.float64), layer.project(x[None, 0])
    z, f = (s[0] for s in (p + torch.cat([layer.z_from_c, layer.f_from_c]) * c.repeat(1, 2)).chunk(2, -1))
    z, f = tanh(z), sigmoid(f)
    J = torch.autograd.functional.jacobian(lambda c: layer.advance(p, c), c)[0, :, 0]
    want = f + (1 - f) * (1 - z * z) * layer.z_from_c + (c[0] - z) * f * (1 - f) * layer.f_from_c
    assert_close(J, torch.diag(want))


def test_elementwise_lstm_by_newtons_iteration_with_its_diagonal(x):
    layer = ElementwiseLSTM(D).double()
    newton = ElementwiseLSTM(D, solver=("newton", {"jacobian": "elementwise"})).double()
    newton.load_state_dict(layer.state_dict())
    assert_close(newton(x[None]), layer(x[None]))


def test_columnar_equations(x):
    layer, ys = loud(Columnar(D)), torch.empty(T, D, dtype=torch.float64)
    W, b = layer.from_x.weight.view(4, D, D), layer.from_x.bias.view(4, D)
    for column in range(D):
        h = c = 0.0
        for t, x_t in enumerate(x):
            i, f, g, o = (W[j, column] @ x_t + layer.from_h[j, column] * h + b[j, column] for j in range(4))
            c = sigmoid(f) * c + sigmoid(i) * tanh(g)
            h = sigmoid(o) * tanh(c)
            ys[t, column] = h
    assert_close(layer(x[None])[0][0], ys)


def test_columnar_is_an_lstm_with_diagonal_recurrent_matrices(x):
    layer, plain = loud(Columnar(D)), LSTM(D).double()
    with torch.no_grad():
        plain.from_x.load_state_dict(layer.from_x.state_dict())
        plain.from_h.weight.copy_(torch.cat([torch.diag(u) for u in layer.from_h]))
    assert_close(layer(x[None]), plain(x[None]))


@pytest.mark.parametrize(("build", "std"), [(ElementwiseLSTM, 0.1), (Columnar, 0.01 / 3**0.5)])
def test_elementwise_layers_start_as_their_authors_code(build, std):
    for name, p in build(100).named_parameters():
        if not name.startswith("output_"):
            assert p.std().item() == pytest.approx(std, rel=0.25), name
