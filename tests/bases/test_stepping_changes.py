"""A step as machine code after a layer was rebuilt, under what follows every operation, and of layers users write."""
import gc
import weakref
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.nn.utils import parametrizations
from torch.utils.flop_counter import FlopCounterMode

from reprise.bases import stepping
from reprise.bases.cell import Cell
from reprise.core.state import map_state, named_tensors
from reprise.layers import create_layer
from reprise.models.stack import Stack

WIDTH = 8


@pytest.fixture(autouse=True)
def _without_gradients():
    torch.manual_seed(0)
    with torch.no_grad():
        yield


def prepared(name):
    layer = create_layer(name, WIDTH)
    assert layer.prepare_step() == "machine code"
    return layer


def assert_steps_as_plainly(layer, x, state):
    found = layer.step(x, state)
    with torch.enable_grad():
        wanted = map_state(Tensor.detach, layer.step(x, state))
    for (name, got), (_, want) in zip(named_tensors(found), named_tensors(wanted), strict=True):
        torch.testing.assert_close(got, want, rtol=1e-5, atol=1e-5, msg=lambda m, name=name: f"{name}: {m}")


def replace(layer):
    layer.gate = nn.Linear(WIDTH, layer.gate.out_features)


def normalise(layer):
    parametrizations.weight_norm(layer.gate).parametrizations.weight.original0.mul_(2)


def take_bias(layer):
    layer.gate.bias = None


def put_inference_tensor(layer):
    with torch.inference_mode():
        weight = 2 * layer.gate.weight
    layer.gate.weight.requires_grad_(False)
    layer.gate.weight = nn.Parameter(weight, requires_grad=False)


@pytest.mark.parametrize("change", [replace, normalise, take_bias, put_inference_tensor])
def test_layers_may_be_rebuilt(change):
    layer = prepared("mingru")
    x, state = torch.randn(1, WIDTH), layer.initial_state(1)
    before = layer.step(x, state)
    change(layer)
    assert not torch.equal(layer.step(x, state)[0], before[0])
    assert_steps_as_plainly(layer, x, state)


def test_a_bias_may_come():
    layer = prepared("retnet")
    x, state = torch.randn(1, WIDTH), layer.initial_state(1)
    layer.query.bias = nn.Parameter(torch.randn(layer.query.out_features))
    assert_steps_as_plainly(layer, x, layer.step(x, state)[1])


def test_parts_may_change_their_mode():
    block = Stack(["mingru"], WIDTH, dropout=0.5).eval().blocks[0]
    assert block.prepare_step() == "machine code"
    x, state = torch.randn(1, WIDTH), block.initial_state(1)
    block.dropout.train()
    assert not torch.equal(block.step(x, state)[0], block.step(x, state)[0])


def test_a_layer_that_is_let_go_is_gone():
    layer = prepared("gru")
    reference = weakref.ref(layer)
    del layer
    gc.collect()
    assert reference() is None


def test_torch_func_maps_over_steps():
    layer, x = prepared("gru"), torch.randn(5, 1, WIDTH)
    state = layer.initial_state(1)
    together = torch.func.vmap(lambda x: layer.step(x, state)[0])(x)
    torch.testing.assert_close(together, torch.stack([layer.step(one, state)[0] for one in x]))


@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")  # torch itself, where it first needs one
def test_forward_derivatives_pass_through_steps():
    layer, x = prepared("gru"), torch.randn(1, WIDTH)
    with forward_ad.dual_level():
        y, _ = layer.step(forward_ad.make_dual(x, torch.ones_like(x)), layer.initial_state(1))
        assert forward_ad.unpack_dual(y).tangent.abs().sum() > 0


def test_modes_see_every_operation():
    layer = prepared("gru")
    with FlopCounterMode(display=False) as counter:
        layer.step(torch.randn(1, WIDTH), layer.initial_state(1))
    assert counter.get_total_flops() > 0


@pytest.mark.parametrize("look", [torch._neg_view, torch.conj], ids=["negative", "conjugate"])
def test_states_that_stand_for_others(look):
    layer = prepared("lru")
    state = map_state(lambda z: look(torch.randn_like(z)), layer.initial_state(1))
    assert_steps_as_plainly(layer, torch.randn(1, WIDTH), state)


class Pair(NamedTuple):
    now: Tensor
    before: Tensor


class Twice(Cell):
    """Begins with one tensor in two places."""

    def __init__(self, width):
        super().__init__(width, (width,))
        self.from_x = nn.Linear(width, width)

    def initial_memory(self, batch):
        zeros = self.from_x.weight.new_zeros(batch, self.width)
        return Pair(zeros, zeros)

    def advance(self, p, memory):
        return Pair(torch.tanh(self.from_x(p) + memory.now - 0.5 * memory.before), memory.now)

    def emit(self, memory):
        return memory.now


class Tied(Cell):
    def __init__(self, width):
        super().__init__(width, (width,))
        self.from_x, self.from_h = nn.Linear(width, width), nn.Linear(width, width)
        self.from_h.weight = self.from_x.weight

    def advance(self, p, memory):
        return torch.tanh(self.from_x(p) + self.from_h(memory))


class Remembers(Tied):
    """Keeps numbers where no one looks for parameters."""

    def __init__(self, width):
        super().__init__(width)
        self.from_h = nn.Linear(width, width)
        self.scale = torch.ones(width)

    def advance(self, p, memory):
        return super().advance(p, self.scale * memory)


def test_one_tensor_in_two_places_of_a_state():
    layer = Twice(WIDTH)
    assert layer.prepare_step() == "machine code"
    state = map_state(torch.randn_like, layer.initial_state(1))
    assert_steps_as_plainly(layer, torch.randn(1, WIDTH), state)


def test_parameters_that_are_shared_may_part():
    layer = Tied(WIDTH)
    layer.prepare_step()
    x, state = torch.randn(1, WIDTH), map_state(torch.randn_like, layer.initial_state(1))
    for linear in (layer.from_x, layer.from_h):
        linear.weight = nn.Parameter(torch.randn(WIDTH, WIDTH))
        assert_steps_as_plainly(layer, x, state)


def test_tensors_that_are_no_parameters_may_change():
    layer = Remembers(WIDTH)
    assert "neither a parameter nor a buffer" in layer.prepare_step()
    layer.scale.mul_(3)
    assert_steps_as_plainly(layer, torch.randn(1, WIDTH), map_state(torch.randn_like, layer.initial_state(1)))


def test_a_stack_steps_from_nothing_and_calls_its_hooks():
    stack, seen = Stack(["gru"], WIDTH), []
    stack.register_forward_hook(lambda *_: seen.append(1))
    stack.step(torch.randn(1, WIDTH), None)
    stack.step(torch.randn(1, WIDTH), stack.initial_state(1))
    assert seen == [1, 1]


def test_a_state_that_grows_is_stepped_by_torch_and_tried_once(monkeypatch):
    layer, tried, find_code = create_layer("full_attention", WIDTH), [], stepping.Steps._code
    monkeypatch.setattr(stepping.Steps, "_code", lambda *given: (tried.append(1), find_code(*given))[1])
    state = layer.initial_state(1)
    for _ in range(stepping.MANY + 5):
        x = torch.randn(1, WIDTH)
        assert_steps_as_plainly(layer, x, state)
        _, state = layer.step(x, state)
    assert tried == [1] and layer.prepare_step() == "torch, since its state grows with every step"
