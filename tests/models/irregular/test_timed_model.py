"""Layers in continuous time: their equations, and what is told of it."""
import pytest
import torch
from torch.testing import assert_close

from reprise.core.errors import InputError
from reprise.layers import create_layer
from reprise.models.irregular.between import Aged, Decay, Euler
from reprise.models.irregular.flows import CTRNN, DrivenODE
from reprise.models.irregular.timed_model import TimedModel

LAYERS = {"ltc": lambda: create_layer("ltc", 4, hidden=6), "ct_rnn": lambda: CTRNN(4), "ode": lambda: DrivenODE(4),
          "ode_rnn": lambda: Aged(create_layer("gru", 4), Euler(4), ahead=True), "s5": lambda: create_layer("s5", 4),
          "decay": lambda: Aged(create_layer("gru", 4), Decay(1, 4), ahead=True)}


@pytest.fixture
def given():
    return torch.randn(2, 7, 3).double(), torch.rand(2, 7).double()


@pytest.mark.parametrize("name", [*LAYERS, "lstm"])
def test_pieces_are_the_whole_and_time_counts(name, given):
    torch.manual_seed(0)
    layer = LAYERS[name]() if name in LAYERS else create_layer("lstm", 4)
    model, (x, elapsed) = TimedModel(layer, 3, 2, as_input=name not in LAYERS).double(), given
    whole, _ = model(x, elapsed)
    first, state = model(x[:, :3], elapsed[:, :3])
    rest, state = model(x[:, 3:], elapsed[:, 3:], state)
    assert_close(torch.cat([first, rest], 1), whole)
    later = model(x, torch.cat([elapsed[:, :4], 2 * elapsed[:, 4:]], 1))[0]
    assert torch.equal(later[:, :4], whole[:, :4]) and not torch.allclose(later[:, 5:], whole[:, 5:])


@pytest.mark.parametrize(("layer", "leaks"), [(CTRNN(4, substeps=3), True), (DrivenODE(4, substeps=3), False)])
def test_flows(layer, leaks, given):
    layer, (x, elapsed) = layer.double(), given
    x, h = torch.nn.functional.pad(x, (0, 1)), torch.zeros(2, 4).double()
    model = TimedModel(layer, 4, 4).double()
    with torch.no_grad():
        for map_ in (model.into, model.out):
            map_.weight.copy_(torch.eye(4))
            map_.bias.zero_()
    found, _ = model(x, elapsed)
    for t in range(7):
        for _ in range(3):
            drive = torch.tanh(h @ layer.from_h.weight.T + x[:, t] @ layer.from_x.weight.T + layer.from_x.bias)
            h = h + elapsed[:, t, None] / 3 * (drive - (h / layer.log_tau.exp() if leaks else 0))
        assert_close(found[:, t], h)
    assert_close(layer(x)[0], model(x, torch.ones(2, 7).double())[0])


def test_time_after_the_event_is_what_answers_hear_first(given):
    """Ahead, the last answer depends on the last time; else a memory ages only before the event."""
    torch.manual_seed(0)
    x, elapsed = given
    other = torch.cat([elapsed[:, :-1], elapsed[:, -1:] + 1], 1)
    layer = Aged(create_layer("gru", 4), Euler(4), ahead=True)
    model = TimedModel(layer, 3, 2).double()
    h = layer.inner.advance(layer.project(model.into(x[:, :1]))[:, 0], torch.zeros(2, 4).double())
    assert_close(model(x[:, :1], elapsed[:, :1])[0][:, 0], model.out(layer.between(h, elapsed[:, 0])))
    assert not torch.allclose(model(x, elapsed)[0][:, -1], model(x, other)[0][:, -1])


def test_what_does_not_fit(given):
    model = TimedModel(CTRNN(4), 3, 2).double()
    with pytest.raises(InputError, match=r"x of shape \(B, T, 3\) and times of \(B, T\)"):
        model(given[0][..., :2], given[1])
    with pytest.raises(InputError, match="times of 0 or more, got -1"):
        model(given[0], given[1] - given[1].min() - 1)
