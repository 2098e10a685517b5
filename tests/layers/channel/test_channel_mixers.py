"""What the laws cannot know of channel mixers: their equations, how they start, what they promise."""
import pytest
import torch
from torch.nn.functional import gelu, leaky_relu, linear, silu
from torch.testing import assert_close

from reprise.core.errors import InputError
from reprise.layers.channel._rational import STARTS, Rational, quotient
from reprise.layers.channel._spline import SplineLayer, splines
from reprise.layers.channel.fan import FAN
from reprise.layers.channel.geglu import GEGLU
from reprise.layers.channel.glu import GLU
from reprise.layers.channel.kan import KAN
from reprise.layers.channel.mlp import MLP
from reprise.layers.channel.rational import RationalMLP
from reprise.layers.channel.rmoe import RMoE
from reprise.layers.registry import create_channel
from reprise.models.stack import Stack


def test_equations():
    x, mlp, glu = torch.randn(2, 3, 4), MLP(4), GLU(4)
    inside = gelu(x @ mlp.from_x.weight.T + mlp.from_x.bias)
    assert_close(mlp(x), inside @ mlp.out.weight.T + mlp.out.bias)
    assert_close(glu(x), (silu(x @ glu.gate.weight.T) * (x @ glu.from_x.weight.T)) @ glu.out.weight.T)


@pytest.mark.parametrize(("width", "hidden"), [(1, 8), (3, 8), (4, 16), (256, 688), (384, 1024)])
def test_glu_is_eight_thirds_wide_rounded_up(width, hidden):
    assert GLU(width).out.in_features == hidden
    assert GLU(width, hidden=5).out.in_features == 5


def test_glu_costs_what_an_mlp_costs():
    sizes = [sum(p.numel() for p in create_channel(name, 384).parameters() if p.ndim == 2) for name in ("mlp", "glu")]
    assert sizes[0] == sizes[1]


def test_geglu_and_fan():
    x, one, other = torch.randn(2, 3, 4), GEGLU(4), FAN(4, hidden=9)
    want = one.out(gelu(one.gate(x), approximate="tanh") * one.from_x(x))
    assert_close(one(x), want)
    phase = x @ other.frequency.weight.T + other.frequency.bias
    assert phase.shape[-1] == 2 and other.from_x.out_features == 5
    inside = torch.cat([torch.cos(phase), torch.sin(phase), gelu(other.from_x(x))], -1)
    assert_close(other(x), inside @ other.out.weight.T + other.out.bias)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_splines_are_those_of_scipy(order):
    from scipy.interpolate import BSpline

    knots = torch.tensor([-2.0, -1.7, -1.1, -0.2, 0.0, 0.4, 1.3, 1.9, 2.5, 3.0], dtype=torch.float64)
    x = torch.linspace(float(knots[order]), float(knots[-order - 1]) - 1e-9, 57, dtype=torch.float64)
    want = torch.from_numpy(BSpline.design_matrix(x.numpy(), knots.numpy(), order).toarray())
    got = splines(x[:, None], knots[None], order)[:, 0]
    assert_close(got, want)
    assert_close(got.sum(-1), torch.ones(57, dtype=torch.float64))


def test_kan_is_a_sum_of_functions_of_one_variable():
    layer, x = SplineLayer(3, 2, grid=4, order=3, reach=1.5).double(), torch.randn(9, 3, dtype=torch.float64)
    want = torch.zeros(9, 2, dtype=torch.float64)
    for j in range(2):
        for i in range(3):
            B = splines(x[:, i : i + 1], layer.knots[i : i + 1], 3)[:, 0]
            want[:, j] += layer.base[j, i] * silu(x[:, i]) + layer.scale[j, i] * B @ layer.coefficients[j, i]
    assert_close(layer(x), want)


@pytest.mark.parametrize("grid", [12, 24])
def test_a_finer_grid_keeps_the_function(grid):
    layer, x = SplineLayer(2, 3, grid=6, order=3, reach=2.0).double(), 4 * torch.rand(4000, 2).double() - 2
    before = layer(x).detach()
    layer.refit(x, grid)
    assert layer.coefficients.shape == (3, 2, grid + 3)
    assert (layer(x) - before).square().mean().sqrt() < 0.03 * before.std()


def test_a_kan_refitted_learns_on(grid=10):
    kan, x = KAN(4, hidden=3), torch.randn(2, 200, 4)
    before = kan(x).detach()
    kan.refit(x, grid)
    assert (kan(x) - before).std() < 0.1 * before.std()
    kan(x).square().mean().backward()
    assert all(p.grad.any() for p in kan.parameters())
    with pytest.raises(InputError, match="samples or more"):
        kan.refit(x[:1, :5])


@pytest.mark.parametrize("constant", [0.0, 3.0, -1e3])
def test_a_refitted_kan_bears_an_input_that_never_changes(constant):
    kan, x = KAN(4, hidden=3), torch.randn(2, 200, 4)
    x[..., 1] = constant
    kan.refit(x, 12)
    assert kan(x).isfinite().all() and (kan.inner.knots.diff() > 0).all()


def test_a_refitted_kan_is_built_again_from_its_options():
    kan, x = KAN(4, hidden=3), torch.randn(2, 200, 4)
    kan.refit(x, 9)
    again = KAN(4, **{name: value for name, value in kan.options.items() if name != "width"})
    again.load_state_dict(kan.state_dict())
    assert_close(again(x), kan(x))


def test_kan_fits_a_smooth_function_where_an_mlp_of_its_size_is_slower():
    """exp(sin(pi x) + y^2), one of the paper's: not a comparison of the two, a check that splines do their work."""
    x = 2 * torch.rand(512, 2, dtype=torch.float64) - 1
    want = torch.exp(torch.sin(torch.pi * x[:, 0]) + x[:, 1] ** 2)
    first, second = SplineLayer(2, 1, 8, 3, 1.0).double(), SplineLayer(1, 1, 8, 3, 4.0).double()
    optimiser = torch.optim.Adam([*first.parameters(), *second.parameters()], 0.05)
    for _ in range(300):
        optimiser.zero_grad()
        loss = (second(first(x))[:, 0] - want).square().mean()
        loss.backward()
        optimiser.step()
    assert loss < 0.01 * want.var()


@pytest.mark.parametrize(("start", "within"), [
    ("leaky_relu", 0.006), ("gelu", 0.003), ("silu", 0.002), ("tanh", 1e-5), ("identity", 1e-6)])
def test_rationals_start_as_what_they_are_told(start, within):
    functions = {"leaky_relu": leaky_relu, "gelu": gelu, "silu": silu, "tanh": torch.tanh, "identity": lambda x: x}
    assert set(functions) == set(STARTS)
    x = torch.linspace(-3, 3, 301, dtype=torch.float64)
    miss = (Rational(start).double()(x) - functions[start](x)).square().mean().sqrt()
    assert miss < within


def test_a_rational_is_the_quotient_of_its_polynomials():
    x, a, b = torch.randn(50).double(), torch.randn(6).double(), torch.randn(4).double()
    above = sum(c * x**i for i, c in enumerate(a))
    below = 1 + sum(c * x**i for i, c in enumerate(b, 1)).abs()
    assert_close(quotient(x, a, b), above / below)
    layer = RationalMLP(4).double()
    z = torch.randn(1, 3, 4).double()
    assert_close(layer(z), layer.out(quotient(layer.from_x(z), layer.activation.a, layer.activation.b)))


def test_one_rational_for_a_whole_stack():
    stack = Stack(["elman"] * 3, 4, channel="recurrent_rational")
    assert sum(name.endswith("activation.a") for name, _ in stack.named_parameters()) == 1
    x = torch.randn(2, 5, 4)
    y, _ = stack(x)
    y.sum().backward()
    with torch.no_grad():
        stack.blocks[0].channel.mlp.activation.a += 1
        changed, _ = stack(x)
        stepped = [stack.step(x[:, 0], stack.initial_state(2))[0] for _ in range(40)][-1]
    assert not torch.allclose(changed, y)
    assert_close(stepped, changed[:, 0])


def routed(mixer, x):
    """By hand, step by step."""
    routing, y = mixer.route(x), torch.zeros_like(x)
    for b in range(x.shape[0]):
        for t in range(x.shape[1]):
            chance = routing.chance[b, t]
            best = chance.argsort(descending=True)[: mixer.chosen]
            for e in best.tolist():
                y[b, t] += chance[e] * mixer.experts[e](x[b : b + 1, t : t + 1])[0, 0]
    return y


@pytest.mark.parametrize(("experts", "chosen"), [(4, 1), (4, 2), (3, 3)])
def test_rmoe_sends_every_step_to_its_experts(experts, chosen):
    mixer, x = RMoE(4, experts, chosen, hidden=5, router=6), torch.randn(2, 7, 4)
    assert_close(mixer(x), routed(mixer, x))


def test_rmoe_learns_where_to_send_a_step_also_if_one_expert_is_chosen():
    mixer = RMoE(4, 4, chosen=1)
    mixer(torch.randn(2, 7, 4)).sum().backward()
    assert mixer.choose.weight.grad.any() and mixer.project.weight.grad.any()


def test_rmoe_routes_in_float32_whatever_the_rest_is_in():
    mixer, x = RMoE(8), torch.randn(2, 50, 8).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        assert mixer(x).isfinite().all() and mixer(x.float()).isfinite().all()
        under = mixer.route(x).chance
    assert_close(under, mixer.route(x.float()).chance)
    narrow = mixer.bfloat16().route(x)
    assert narrow.chance.dtype == narrow.memory.dtype == torch.float32
    assert mixer(x).dtype == torch.bfloat16
    assert_close(narrow.chance, mixer.float().route(x.float()).chance, atol=1e-6, rtol=0)


def test_balance_is_one_where_experts_are_used_alike_and_their_number_where_one_is():
    mixer, x = RMoE(4, 4, 1), torch.randn(1, 4000, 4)
    with torch.no_grad():
        mixer.choose.weight.zero_()
        assert float(mixer.route(x).balance()) == pytest.approx(1, abs=1e-5)
        mixer.project.weight.zero_()
        mixer.memory.bias_ih.fill_(3.0)
        mixer.choose.weight[2] = 50.0
        assert float(mixer.route(x).balance()) == pytest.approx(4, abs=1e-3)


def test_rmoe_remembers_from_layer_to_layer():
    stack = Stack(["elman"] * 2, 4, channel="rmoe")
    lower, upper = (block.channel for block in stack.blocks)
    assert sum("memory" in name for name, _ in stack.named_parameters()) == 4, "one GRU for both"
    x = torch.randn(1, 5, 4)
    _, beside = lower.mix_beside(x, {})
    r = linear(x, upper.project.weight).flatten(0, 1)
    want = lower.memory(r, beside["rmoe.memory"].flatten(0, 1))
    _, above = upper.mix_beside(x, beside)
    assert_close(above["rmoe.memory"].flatten(0, 1), want)
    stack(x)[0].sum().backward()
    assert lower.memory.weight_hh.grad.any()


@pytest.mark.parametrize(("name", "options", "message"), [
    ("kan", {"reach": 0.0}, "reach above 0"), ("fan", {"periodic": 0.5}, "below 1/2"),
    ("fan", {"hidden": 2}, "leaves no room"), ("rational", {"start": "gello"}, "did you mean 'gelu'"),
    ("rmoe", {"experts": 2, "chosen": 3}, "try chosen=2"), ("rmoe", {"experts": 0}, "experts of 1 or more"),
])
def test_bad_options(name, options, message):
    with pytest.raises(InputError, match=message):
        create_channel(name, 4, **options)
