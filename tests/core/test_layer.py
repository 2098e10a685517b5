"""The protocol itself: options that rebuild a layer, copies that stand alone, and errors at the edge."""
import copy
import pickle
from typing import NamedTuple

import pytest
import torch
from torch import nn

from reprise import create_layer
from reprise.core.configured import Configured
from reprise.core.errors import InputError
from reprise.core.layer import SequenceLayer


class Sum(SequenceLayer):
    """y_t = h_t = h_{t-1} + x_t, scaled; keeps what it was handed, to be looked at."""

    def __init__(self, width: int, scale: float = 1.0, *, note: str = "none"):
        super().__init__()
        self.width, self.scale, self.handed = width, nn.Parameter(torch.tensor(scale)), []

    def initial_state(self, batch):
        return (torch.zeros(batch, self.width),)

    def run(self, x, state, marks):
        self.handed.append((x, state, marks))
        h = state[0][:, None] + x.cumsum(1)
        return self.scale * h + 3, (h[:, -1] if x.shape[1] else state[0],)


class Named(Configured):
    def __init__(self, first, second=2, *, third=3):
        pass


def test_options_are_what_the_constructor_was_given():
    assert Sum(4).options == {"width": 4, "scale": 1.0, "note": "none"}
    assert Sum(4, 2.0, note="x").options == Sum(note="x", scale=2.0, width=4).options
    assert Named(1).options == {"first": 1, "second": 2, "third": 3}
    assert create_layer("mamba", 4, states=3).options["states"] == 3


def test_options_rebuild():
    layer = create_layer("rg_lru", 8, heads=2, hidden=12)
    twin = type(layer)(**layer.options)
    assert twin.options == layer.options
    assert {n: p.shape for n, p in twin.named_parameters()} == {n: p.shape for n, p in layer.named_parameters()}


def test_wrong_arguments_are_pythons_own_error():
    with pytest.raises(TypeError, match="unexpected keyword argument 'size'"):
        Sum(4, size=3)
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'width'"):
        Sum()


@pytest.mark.parametrize("way", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))],
                         ids=["deepcopy", "pickle"])
def test_copies_stand_alone(way):
    layer = create_layer("gru", 4)
    twin = way(layer)
    assert twin.options == layer.options and twin.options is not layer.options
    with torch.no_grad():
        twin.from_x.bias.add_(1)
    assert not torch.equal(twin.from_x.bias, layer.from_x.bias)


def test_a_shallow_copy_shares_parameters_and_keeps_options():
    layer = create_layer("gru", 4)
    twin = copy.copy(layer)
    assert twin.options == layer.options
    assert twin.from_x.bias is layer.from_x.bias


def test_authors_are_handed_clean_input_and_a_state():
    layer, x = Sum(2), torch.full((2, 3, 2), torch.nan)
    x[0, :2] = 1
    y, (h,) = layer(x, lengths=torch.tensor([2, 0]))
    seen, state, marks = layer.handed[-1]
    assert seen.tolist() == [[[1, 1], [1, 1], [0, 0]], [[0, 0]] * 3]
    assert torch.equal(state[0], torch.zeros(2, 2)) and marks.real.sum() == 2
    assert y.tolist() == [[[4, 4], [5, 5], [0, 0]], [[0, 0]] * 3], "output at padding is zero whatever a layer says"
    assert h.tolist() == [[2, 2], [0, 0]]


def test_step_is_forward_over_one():
    layer, x = Sum(2), torch.randn(3, 2)
    y, state = layer.step(x, layer.initial_state(3))
    want, end = layer(x[:, None])
    assert torch.equal(y, want[:, 0]) and torch.equal(state[0], end[0])


@pytest.mark.parametrize(("x", "message"), [
    (torch.zeros(2, 3, 5), r"Sum: expected x of shape \(B, T, 4\), got \(2, 3, 5\); or build Sum\(5\)"),
    (torch.zeros(2, 4), r"Sum: expected x of shape \(B, T, 4\), got \(2, 4\); use step for one step"),
    (torch.zeros(4), r"got \(4,\)"),
    (torch.zeros(2, 3, 4, dtype=torch.long), "expected floating-point x, got torch.int64; embed tokens first"),
    (torch.zeros(2, 3, 4, dtype=torch.complex64), "expected floating-point x, got torch.complex64")], ids=str)
def test_errors_say_which_input_fits(x, message):
    with pytest.raises(InputError, match=message):
        Sum(4)(x)


def test_errors_say_that_step_takes_no_sequence():
    layer = Sum(4)
    with pytest.raises(InputError, match=r"Sum.step: expected x of shape \(B, 4\), got \(2, 1, 4\); use forward"):
        layer.step(torch.zeros(2, 1, 4), layer.initial_state(2))


FITS = torch.zeros(2, 4)


@pytest.mark.parametrize("state", [(torch.zeros(3, 4),), (torch.zeros(2, 5),), (FITS, FITS), (), FITS],
                         ids=["rows", "width", "too many", "too few", "a bare tensor"])
def test_errors_say_which_state_fits(state):
    with pytest.raises(InputError, match=r"this state does not fit: expected .*; start from initial_state\(2\)"):
        Sum(4)(torch.zeros(2, 3, 4), state)


class All(SequenceLayer):
    """y_t = x_1 + ... + x_t, from all of them kept."""

    def __init__(self, width: int):
        super().__init__()
        self.width = width

    def initial_state(self, batch):
        return Kept(torch.zeros(batch, 0, self.width), torch.zeros(batch, dtype=torch.long))

    def run(self, x, state, marks):
        kept = torch.cat([state.x, x], 1)
        return kept.cumsum(1)[:, state.x.shape[1]:], Kept(kept, state.count + x.shape[1])


class Kept(NamedTuple):
    x: torch.Tensor
    count: torch.Tensor

    grows = ("x",)


def test_a_state_may_grow_with_time_and_in_nothing_else():
    layer, x = All(2), torch.randn(3, 5, 2)
    y, state = layer(x)
    rest, state = layer(x, state)
    assert state.x.shape == (3, 10, 2)
    torch.testing.assert_close(rest, y + x.sum(1, keepdim=True))
    for wrong in (state._replace(x=state.x[:2]), state._replace(x=state.x[..., :1]),
                  state._replace(count=state.count[:, None])):
        with pytest.raises(InputError, match=r"does not fit: expected \{'x': \(3, 'any', 2\), 'count': \(3,\)\}"):
            layer(x, wrong)


def test_a_layer_without_its_parts_cannot_be_built():
    class Half(SequenceLayer):
        def initial_state(self, batch):
            return ()

    with pytest.raises(TypeError, match=r"abstract method .*run"):
        Half()
