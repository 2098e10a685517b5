"""Forms of a rate of decay: what they claim, and that layers are the same layers under them."""
import pytest
import torch
from torch import nn
from torch.testing import assert_close

from reprise import create_layer
from reprise.core.errors import InputError
from reprise.layers.rates import RATES, Decaying, reparameterise
from reprise.models.stack import Stack
from reprise.testing import prove

STABLE = ("exp", "softplus", "best")
LAYERS = ("lru", "s4d", "s5", "ffm")


@pytest.mark.parametrize("form", RATES)
def test_weight_gives_the_rate_back(form):
    rates = torch.logspace(-6, 1, 50, dtype=torch.float64)
    assert_close(RATES[form].of(RATES[form].weight(rates)), rates)


@pytest.mark.parametrize("form", STABLE)
def test_no_weight_is_unstable_and_each_has_a_gradient(form):
    w = torch.cat([torch.linspace(-80, 80, 401), torch.tensor([-1e18, 1e18])[: 2 * (form == "best")]]).requires_grad_()
    rates = RATES[form].of(w)
    assert (rates >= 0).all() and (torch.exp(-rates) <= 1).all()
    (grad,) = torch.autograd.grad(torch.exp(-rates).sum(), w)
    assert grad.isfinite().all()


def test_direct_is_the_one_that_is_not():
    assert RATES["direct"].of(torch.tensor(-0.1)) < 0


def test_best_balances_the_gradient():
    """Their criterion: what a weight's gradient is over the square of its rate grows no faster than the weight."""
    w = torch.linspace(-30, 30, 61, dtype=torch.float64, requires_grad=True)
    rates = RATES["best"].of(w)
    (slope,) = torch.autograd.grad(rates.sum(), w)
    assert_close(slope.abs() / rates.square(), 2 * w.abs())


def test_a_small_change_of_a_weight_is_a_small_change_of_a_slow_rate():
    """What the curse is: learned directly, the same change ends a memory of a million steps, or makes it explode."""
    rate, moved = torch.tensor(1e-6, dtype=torch.float64), {}
    for form, one in RATES.items():
        moved[form] = float(one.of(one.weight(rate) - 1e-2) / rate)
    assert moved["direct"] < -1000
    assert all(0.9 < moved[form] < 1.1 for form in STABLE)


@pytest.mark.parametrize("form", RATES)
@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_stays_what_it_is(name, form):
    options = {"r_min": 0.3} if name == "lru" else {}
    layer, x = create_layer(name, 4, **options).double(), torch.randn(2, 9, 4, dtype=torch.float64)
    want, rates = layer(x)[0], layer.rates()
    assert reparameterise(layer, form) == 1
    assert_close(layer.rates(), rates)
    assert_close(layer(x)[0], want)
    again = type(layer)(**layer.options).double()
    again.load_state_dict(layer.state_dict())
    assert_close(again(x)[0], want)


@pytest.mark.parametrize("form", STABLE)
@pytest.mark.parametrize("name", LAYERS)
def test_no_weight_makes_a_layer_explode(name, form):
    layer = create_layer(name, 4, rate=form)
    weight = getattr(layer, layer.rate_parameter)
    weight.data = torch.linspace(-30, 30, weight.numel()).view_as(weight)
    if name == "ffm":
        nn.init.zeros_(layer.value.bias)
    y, (_, held) = layer(torch.randn(2, 50, 4))
    _, (_, left) = layer(torch.zeros(2, 2000, 4), layer.initial_state(2)._replace(memory=held))
    assert (left.abs() <= held.abs() * 1.001).all()
    grads = torch.autograd.grad(y.square().mean(), list(layer.parameters()))
    assert y.isfinite().all() and all(g.isfinite().all() for g in grads)


@pytest.mark.parametrize(("name", "form"), [("lru", "best"), ("s5", "softplus"), ("ffm", "best")])
def test_laws(name, form):
    layer = create_layer(name, 4)
    reparameterise(layer, form)
    prove(layer)


def test_every_layer_of_a_stack_changes():
    stack = Stack(["lru", "gru", "s4d"], 4)
    assert reparameterise(stack, "best") == 2
    assert [one.rate for one in stack.modules() if isinstance(one, Decaying)] == ["best", "best"]


def test_rates_beyond_best_become_its_fastest():
    layer = create_layer("lru", 4)
    layer.nu.data.fill_(5.0)
    reparameterise(layer, "best")
    assert_close(layer.rates(), torch.full((4,), 20.0), rtol=0.05, atol=0)
    layer.rates().sum().backward()
    assert (layer.nu.grad != 0).all()


def test_errors_say_what_to_do():
    with pytest.raises(InputError, match="no rate is named 'bset'; did you mean 'best'"):
        reparameterise(create_layer("lru", 4), "bset")
    with pytest.raises(InputError, match="no layer with rates in Linear; give it one such as lru"):
        reparameterise(nn.Linear(2, 2), "best")
