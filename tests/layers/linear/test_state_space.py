"""Linear state spaces step by step, from their papers' equations; how they start, and what they reduce to."""
import math

import pytest
import torch
from torch.nn.functional import gelu, layer_norm
from torch.testing import assert_close

from reprise import create_layer
from reprise.core.errors import InputError
from reprise.core.marks import NO_MARKS
from reprise.training.optimisers import parameter_groups

D, T = 4, 9


@pytest.fixture
def x() -> torch.Tensor:
    return torch.randn(T, D, dtype=torch.float64)


def assert_steps(layer, x, ys):
    assert_close(layer(x[None])[0][0], torch.stack(ys))


def held(a: torch.Tensor, dt: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """exp(dt a), and the integral of exp(s a) over dt, both off one matrix exponential."""
    block = torch.zeros(*a.shape, 2, 2, dtype=torch.complex128)
    block[..., 0, 0], block[..., 0, 1] = a * dt, dt.expand(a.shape)
    both = torch.linalg.matrix_exp(block)
    return both[..., 0, 0], both[..., 0, 1]


def trapezoid(a: torch.Tensor, dt: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return (2 + dt * a) / (2 - dt * a), 2 * dt / (2 - dt * a)


@pytest.mark.parametrize("start", ["lin", "inv"])
@pytest.mark.parametrize(("step", "rule"), [("zoh", held), ("bilinear", trapezoid)])
def test_s4d_equations(x, step, rule, start):
    layer = create_layer("s4d", D, states=6, step=step, start=start).double()
    a = torch.complex(-layer.r.exp(), layer.w)
    C = torch.view_as_complex(layer.C)
    decay, gain = rule(a, layer.log_dt.exp())
    pair = torch.zeros(2, D, 3, dtype=torch.complex128)  # both of each conjugate pair, as the equations have it
    ys = []
    for x_t in x:
        pair = torch.stack([decay * pair[0] + gain * x_t[:, None], decay.conj() * pair[1] + gain.conj() * x_t[:, None]])
        y = (C * pair[0] + C.conj() * pair[1]).sum(-1)
        assert y.imag.abs().max() < 1e-12
        ys.append(y.real + layer.D * x_t)
    assert_steps(layer, x, ys)


def test_s4d_starts_as_the_paper_says():
    lin, inv = (create_layer("s4d", 50, states=8, start=start) for start in ("lin", "inv"))
    n = torch.arange(4.0)
    assert_close(lin.w[7], math.pi * n)
    assert_close(inv.w[7], 8 / math.pi * (8 / (2 * n + 1) - 1))
    for layer in (lin, inv):
        assert_close(layer.rates(), torch.full((50, 4), 0.5))
        dt = layer.log_dt.exp()
        assert 0.001 <= dt.min() < 0.002 and 0.05 < dt.max() <= 0.1
        assert_close(layer.C.square().sum(-1).mean(), torch.tensor(1.0), rtol=0.25, atol=0)


def test_a_held_input_of_hardly_any_decay_is_summed_up():
    """(exp(z) - 1) / z at z = 0 and next to it, where the quotient itself is nought over nought."""
    layer = create_layer("s4d", 1, states=2)
    for r in (-300.0, -30.0, -12.0):
        layer.r.data.fill_(r)
        _, filters = layer.project(torch.ones(1, 1, 1))
        assert_close(filters.gain.real.flatten(), layer.log_dt.exp().flatten(), rtol=1e-5, atol=0)
        grads = torch.autograd.grad(filters.gain.real.sum(), [layer.r, layer.w, layer.log_dt])
        assert all(g.isfinite().all() for g in grads)


@pytest.mark.parametrize(("step", "rule"), [("zoh", held), ("bilinear", trapezoid)])
def test_s5_equations(x, step, rule):
    layer, h, ys = create_layer("s5", D, states=8, blocks=2, step=step).double(), 0, []
    B, C = (torch.view_as_complex(z.movedim(dim, -1).contiguous()) for z, dim in ((layer.B, 1), (layer.C, 2)))
    decay, gain = rule(torch.complex(-layer.r.exp(), layer.w), layer.log_dt.exp())
    for x_t in x:
        h = decay * h + gain * (B @ x_t.to(B.dtype))
        ys.append(2 * (C @ h).real + layer.D * x_t)
    assert_steps(layer, x, ys)


def test_s5_starts_as_the_dense_system_it_stands_for(x):
    """With one step size, its memory is that of HiPPO-N: the diagonal is another basis of the same block matrix."""
    layer = create_layer("s5", D, states=12, blocks=2).double()
    n = torch.arange(6, dtype=torch.float64)
    root = (2 * n + 1).sqrt()
    A = -torch.outer(root, root).tril(-1) - torch.diag(n + 1) + torch.outer(root, root) / 2
    assert_close(A + A.T, -torch.eye(6, dtype=torch.float64))  # normal
    values = torch.linalg.eigvals(A)
    want = values.imag[values.imag > 0].sort().values
    assert_close(layer.w.view(2, 3).sort(-1).values, want.repeat(2, 1), rtol=1e-6, atol=1e-6)
    assert_close(layer.rates(), torch.full((6,), 0.5, dtype=torch.float64))
    power = layer.B.square().sum() * 2  # both of each pair; V keeps the size of a real B, of variance 1 / N
    assert_close(power, torch.tensor(float(D), dtype=torch.float64), rtol=0.5, atol=0)


def test_s5_makes_pairs_of_any_width():
    for width, states in ((1, 2), (5, 6), (256, 256)):
        assert create_layer("s5", width).memory_shape == (states // 2,)
    assert create_layer("s5", 4, blocks=4).memory_shape == (4,)


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
def test_lssl_equations(x, alpha):
    layer = create_layer("lssl", D, states=3, channels=2, alpha=alpha).double()
    h, ys, one = torch.zeros(D, 3, dtype=torch.float64), [], torch.eye(3, dtype=torch.float64)
    for x_t in x:
        rows = []
        for d in range(D):
            dt = layer.log_dt[d].exp()
            back = torch.linalg.inv(one - alpha * dt * layer.A)
            rows.append(back @ ((one + (1 - alpha) * dt * layer.A) @ h[d] + dt * layer.B * x_t[d]))
        h = torch.stack(rows)
        read = (layer.C @ h[..., None])[..., 0] + layer.D * x_t[:, None]
        ys.append(layer.out(gelu(read).flatten()))
    assert_steps(layer, x, ys)


def test_lssl_of_one_number_is_a_gate():
    """Backward Euler of x' = -x + u is h = (1 - z) h + z u with z = sigmoid(log dt): a gate chooses a step size."""
    layer, h = create_layer("lssl", D, states=1, alpha=1.0, dt_min=0.1, dt_max=3.0).double(), 0
    x = torch.randn(T, D, dtype=torch.float64)
    every, _ = layer.recur(layer.project(x[None]), layer.initial_memory(1), NO_MARKS)
    z = torch.sigmoid(layer.log_dt)
    for x_t, h_t in zip(x, every[0, ..., 0], strict=True):
        h = (1 - z) * h + z * x_t
        assert_close(h_t, h)


def test_lssl_that_is_fixed_learns_its_readout_only():
    layer = create_layer("lssl", D, trained=False)
    assert {name for name, _ in layer.named_parameters()} == {"C", "D", "out.weight", "out.bias"}
    assert not parameter_groups(layer)["recurrent"]


@pytest.mark.parametrize("name", ["s4d", "s5", "lssl", "hippo_legs", "hippo_legt", "hippo_lagt", "ffm", "chimera"])
def test_rates_are_not_decayed(name):
    layer = create_layer(name, D)
    decayed = {name for name, _ in parameter_groups(layer)["decayed"]}
    assert not decayed & {"r", "w", "A", "log_dt", "log_A", "dt"}


def test_fsmn_equations():
    layer, x = create_layer("fsmn", D, hidden=6, taps=3).double(), torch.randn(T, D, dtype=torch.float64)
    h, ys = [torch.zeros(6, dtype=torch.float64)] * 3, []
    for x_t in x:
        h.append(torch.relu(layer.from_x(x_t)))
        m = sum(layer.a[i] * h[-1 - i] for i in range(4))
        ys.append(layer.from_h(h[-1]) + m @ layer.from_m.weight.T)
    assert_steps(layer, x, ys)


def test_ffm_equations(x):
    layer, S, ys = create_layer("ffm", D, traces=5, contexts=3).double(), 0, []
    turn = torch.exp(torch.complex(-layer.r.exp()[:, None].expand(5, 3), layer.w.expand(5, 3)))
    for x_t in x:
        v = layer.value(x_t) * torch.sigmoid(layer.gate_in(x_t))
        S = turn * S + v[:, None]
        z = layer.mix(torch.stack([S.real, S.imag], -1).flatten())
        g = torch.sigmoid(layer.gate_out(x_t))
        ys.append(layer_norm(z, [D]) * g + layer.through(x_t) * (1 - g))
    assert_steps(layer, x, ys)


def test_ffm_starts_with_periods_and_rates_of_one_to_a_thousand_steps():
    layer = create_layer("ffm", D)
    assert_close(2 * math.pi / layer.w, torch.tensor([1.0, 342.0, 683.0, 1024.0]), rtol=1e-3, atol=0)
    left = torch.exp(-1024 * layer.rates())
    assert_close(left.max(), torch.tensor(0.01))  # of the slowest trace after the longest period
    assert 0.67 < layer.rates().max() < 0.68


@pytest.mark.parametrize(("name", "options", "message"), [
    ("s4d", {"states": 5}, "states=5 are no pairs; try states=6"),
    ("s4d", {"start": "legs"}, "expected start to be 'lin' or 'inv', got 'legs'"),
    ("s4d", {"step": "zho"}, "no step is named 'zho'; did you mean 'zoh'"),
    ("s4d", {"dt_min": 0.0}, "is no range; give 0 < dt_min <= dt_max"),
    ("s4d", {"rate": "expp"}, "no rate is named 'expp'; did you mean 'exp'"),
    ("s5", {"states": 6, "blocks": 2}, "are no pairs in each of blocks=2; try states=8"),
    ("lssl", {"alpha": 1.5}, "give an alpha from 0 to 1"),
    ("fsmn", {"taps": 0}, "try taps=1"),
    ("ffm", {"traces": 0}, "try traces=1"),
    ("chimera", {"variates": 3}, "width=4 is not divisible by variates=3; try variates=2"),
])
def test_errors_say_what_to_do(name, options, message):
    with pytest.raises(InputError, match=message):
        create_layer(name, 4, **options)
