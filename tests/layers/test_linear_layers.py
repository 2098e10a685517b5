"""What the laws cannot know of elementwise linear layers: their equations, step by step, and how they start."""
import math

import pytest
import torch
from torch import nn
from torch.nn.functional import layer_norm, silu, softplus
from torch.testing import assert_close

from reprise.core.errors import InputError
from reprise.core.marks import NO_MARKS
from reprise.core.state import named_tensors
from reprise.layers.convolution.short_convolution import ShortConvolution
from reprise.layers.linear.hgrn import HGRN
from reprise.layers.linear.lru import LRU
from reprise.layers.linear.mamba import Mamba
from reprise.layers.linear.mingru import MinGRU
from reprise.layers.linear.minlstm import MinLSTM
from reprise.layers.linear.rg_lru import RGLRU
from reprise.layers.registry import create_layer

D, T = 5, 9


@pytest.fixture
def x() -> torch.Tensor:
    return torch.randn(T, D, dtype=torch.float64)


def g(u):
    return torch.where(u > 0, u + 0.5, torch.sigmoid(u))


def assert_steps(layer, x, ys):
    assert_close(layer(x[None])[0][0], torch.stack(ys))


def test_mingru_equations(x):
    layer, h, ys = MinGRU(D).double(), 0, []
    for x_t in x:
        z = torch.sigmoid(layer.gate(x_t))
        h = (1 - z) * h + z * g(layer.candidate(x_t))
        ys.append(h)
    assert_steps(layer, x, ys)


def test_minlstm_equations(x):
    layer, h, ys = MinLSTM(D).double(), 0, []
    for x_t in x:
        f, i = torch.sigmoid(layer.gates(x_t)).chunk(2)
        h = f / (f + i) * h + i / (f + i) * g(layer.candidate(x_t))
        ys.append(h)
    assert_steps(layer, x, ys)


def test_lru_equations(x):
    layer, h, ys = LRU(D, hidden=7).double(), 0, []
    lam = torch.exp(torch.complex(-layer.nu.exp(), layer.theta.exp()))
    B = torch.complex(layer.B[:, 0], layer.B[:, 1])
    C = torch.complex(layer.C[..., 0], layer.C[..., 1])
    for x_t in x:
        h = lam * h + layer.gamma.exp() * (B @ x_t.to(B.dtype))
        ys.append((C @ h).real + layer.D * x_t)
    assert_steps(layer, x, ys)


def test_hgrn_equations(x):
    layer, h, ys = HGRN(D).double(), 0, []
    layer.placed(2, 4)
    gamma, turn = torch.sigmoid(layer.bound), torch.exp(1j * layer.theta)
    for x_t in x:
        c = torch.view_as_complex(silu(layer.candidate(x_t)).view(D, 2))
        lam = gamma + (1 - gamma) * torch.sigmoid(layer.forget(x_t))
        h = lam * turn * h + (1 - lam) * c
        gated = silu(layer.gate(x_t)) * torch.view_as_real(h).flatten()
        ys.append(layer.out(layer_norm(gated, [2 * D], layer.norm.weight, layer.norm.bias)))
    assert_steps(layer, x, ys)


def test_short_convolution_is_torchs_behind_a_projection(x):
    layer = ShortConvolution(D, hidden=6, kernel_size=3, input_bias=True).double()
    conv = nn.Conv1d(6, 6, 3, groups=6).double()
    with torch.no_grad():
        layer.weight.copy_(conv.weight[:, 0].flip(-1).T)
        layer.bias.copy_(conv.bias)
    u = nn.functional.pad(layer.from_x(x).T, (2, 0))
    assert_close(layer(x[None])[0][0], conv(u[None])[0].T)


def test_token_shift_is_the_last_input(x):
    layer = create_layer("token_shift", D).double()
    y, state = layer(x[None])
    assert_close(y[0], torch.cat([torch.zeros(1, D), x[:-1]]))
    assert_close(layer.step(x[None, 0], state)[0][0], x[-1])
    assert not layer.state_dict()


def test_lru_starts_in_its_ring():
    layer = LRU(2, 1000, r_min=0.5, r_max=0.9, max_phase=0.3)
    radius, phase = torch.exp(-layer.nu.exp()), layer.theta.exp()
    assert 0.5 <= radius.min() < 0.52 and 0.88 < radius.max() <= 0.9
    assert 0 < phase.min() < 0.01 and 0.29 < phase.max() <= 0.3
    assert_close(radius.square().mean(), torch.tensor((0.5**2 + 0.9**2) / 2), rtol=0.03, atol=0)  # uniform in area
    assert_close(layer.gamma.exp(), (1 - radius.square()).sqrt())


def test_lru_keeps_the_variance_of_white_noise():
    """What gamma is for: however long a unit remembers, its memory starts as large as its input, E|Bx|^2 = 1."""
    layer = LRU(64, 200, r_min=0.5, r_max=0.99)
    with torch.no_grad():
        every, _ = layer.recur(layer.project(torch.randn(8, 500, 64)), layer.initial_memory(8), NO_MARKS)
    assert_close(every[:, 300:].abs().square().mean(), torch.tensor(1.0), rtol=0.15, atol=0)


@pytest.mark.parametrize(("index", "depth", "bound"), [(0, 4, 0.01), (1, 4, 0.25), (3, 4, 0.75), (0, 1, 0.01)])
def test_hgrn_climbs_the_papers_ladder(index, depth, bound):
    layer = HGRN(3)
    layer.placed(index, depth)
    assert_close(torch.sigmoid(layer.bound), torch.full((3,), bound))
    a, _ = layer.project(50 * torch.randn(1, 100, 3))
    assert a.abs().min() >= bound - 1e-6


def test_hgrn_turns_at_rotary_frequencies():
    assert_close(HGRN(4).theta.detach(), torch.tensor([1.0, 1e-2, 1e-4, 1e-6]))


def test_rg_lru_starts_as_the_authors_code():
    layer = RGLRU(64, 1024)
    radius = torch.exp(-softplus(layer.decay))
    assert 0.9 <= radius.min() < 0.901 and 0.998 < radius.max() <= 0.9991
    assert layer.gates.shape == (16, 64, 128)
    for p, std in ((layer.gates, 1 / 8), (layer.local.from_x.weight, 1 / 8), (layer.skip.weight, 1 / 8),
                   (layer.out.weight, 1 / 32), (layer.local.weight, 0.05)):
        assert_close(p.std(), torch.tensor(std), rtol=0.05, atol=0)


def test_rg_lru_first_step_is_not_scaled():
    layer, x = RGLRU(D).double(), torch.randn(1, 4, D, dtype=torch.float64)
    resets = torch.tensor([[False, False, True, False]])
    u, _ = layer.local(x, resets=resets)
    log_a, b = layer.project(x, u)
    _, state = layer(x[:, :1])
    assert_close(state.memory.h, b[:, 0])
    assert state.memory.position.tolist() == [1]
    _, state = layer(x, resets=resets)
    a = log_a[:, 3].exp()
    assert_close(state.memory.h, a * b[:, 2] + (1 - a.square()).sqrt() * b[:, 3])
    assert state.memory.position.tolist() == [2]


def test_rg_lru_that_forgets_nothing_has_a_gradient():
    layer = RGLRU(D)
    layer.decay.data.fill_(-200.0)  # a = 1 exactly
    x = torch.randn(2, T, D, requires_grad=True)
    layer(x)[0].sum().backward()
    assert x.grad.isfinite().all() and all(p.grad.isfinite().all() for p in layer.parameters())


def test_rg_lru_heads_fit_any_width():
    for width, heads in ((1, 1), (4, 4), (12, 4), (7, 1), (64, 16)):
        assert RGLRU(width).gates.shape[0] == heads


def test_minlstm_gates_share_one_even_when_both_are_shut():
    layer = MinLSTM(D)
    layer.gates.bias.data.fill_(-200.0)  # both sigmoids are zero in float32
    a, b = layer.project(torch.zeros(1, 1, D))
    assert_close(a, torch.full_like(a, 0.5))
    assert b.isfinite().all()


def test_minlstm_forget_bias_remembers():
    plain, eager = MinLSTM(200), MinLSTM(200, forget_bias=3.0)
    keep = [layer.project(torch.zeros(1, 1, 200))[0].mean().item() for layer in (plain, eager)]
    f, i = 1 / (1 + math.exp(-3)), 1 / 2
    assert keep == pytest.approx([1 / 2, f / (f + i)], abs=0.01)


def test_mamba_starts_with_short_and_long_steps():
    layer = Mamba(32)
    dt = softplus(layer.step_size.bias)
    assert 1e-3 * 0.99 <= dt.min() < 2.5e-3 and 0.04 < dt.max() <= 0.1 * 1.01
    assert layer.step_size.weight.abs().max() <= 2**-0.5 < 1.1 * layer.step_size.weight.abs().max()
    assert_close(layer.log_A.exp()[3].detach(), torch.arange(1.0, 17))
    assert layer.step_size.weight.shape == (64, math.ceil(32 / 16))


@pytest.mark.parametrize(("name", "options", "message"), [
    ("lru", {"r_min": 0.9, "r_max": 0.5}, "is no ring; give 0 <= r_min"),
    ("lru", {"max_phase": 0.0}, "max_phase above 0"),
    ("rg_lru", {"heads": 3}, "hidden=4 is not divisible by heads=3; try heads=2"),
    ("rg_lru", {"heads": 0}, "try heads=1"),
    ("short_convolution", {"kernel_size": 0}, "try kernel_size=1"),
])
def test_errors_say_what_to_do(name, options, message):
    with pytest.raises(InputError, match=message):
        create_layer(name, 4, **options)


@pytest.mark.parametrize(("name", "dtypes"), [
    ("lru", [torch.complex64]), ("hgrn", [torch.complex64]), ("minlstm", [torch.float32]),
    ("rg_lru", [torch.bfloat16, torch.float32, torch.int64]), ("mamba", [torch.bfloat16, torch.float32]),
])
def test_memory_is_wider_than_bfloat16(name, dtypes):
    layer = create_layer(name, 4).bfloat16()
    start = layer.initial_state(2)
    _, end = layer(torch.randn(2, 3, 4, dtype=torch.bfloat16), start)
    for state in (start, end):
        assert [s.dtype for _, s in named_tensors(state)] == dtypes
