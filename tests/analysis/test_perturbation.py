"""Silenced units do nothing, perturbed weights move by as much as is said, and the model stays what it is."""
import copy

import pytest
import torch
from torch import nn

from reprise.analysis.perturbation import perturbed, silenced
from reprise.bases.cell import Cell
from reprise.core.errors import InputError
from reprise.core.state import map_state, named_tensors
from reprise.layers import create_layer
from reprise.models.sequence_model import SequenceModel


@pytest.fixture
def x():
    torch.manual_seed(0)
    return torch.randn(3, 12, 6)


@pytest.mark.parametrize("name", ["leaky_rnn", "gru", "lstm", "elman"])
def test_without_silence_it_is_the_model(name, x):
    layer = create_layer(name, 6)
    torch.testing.assert_close(silenced(layer, [])(x)[0], layer(x)[0])


@pytest.mark.parametrize("name", ["leaky_rnn", "gru", "lstm", "elman"])
def test_weights_of_silent_units_do_not_matter(name, x):
    layer = create_layer(name, 6)
    changed = copy.deepcopy(layer)
    with torch.no_grad():  # what the units 1 and 4 are told
        for row in (1, 4):
            for p in changed.parameters():
                if p.shape[0] % 6 == 0:
                    p[row::6] += 1.0
    y, _ = silenced(layer, [1, 4])(x)
    assert (y[..., [1, 4]] == 0).all() and (y[..., [0, 2]] != 0).any()
    torch.testing.assert_close(silenced(changed, [1, 4])(x)[0], y)
    assert (changed(x)[0] - layer(x)[0]).abs().max() > 0.01


def test_a_silent_unit_of_a_leaky_cell_is_one_less(x):
    """The same as a cell without it: weights from and to it are taken away."""
    layer = create_layer("leaky_rnn", 6)
    cut = copy.deepcopy(layer)
    with torch.no_grad():
        cut.from_h.weight[:, 2] = cut.from_h.weight[2] = cut.from_x.weight[2] = cut.from_x.bias[2] = 0
    torch.testing.assert_close(silenced(layer, [2])(x)[0], cut(x)[0])


def test_every_cell_of_a_model_and_only_of_the_copy():
    model = SequenceModel("gru", 1, 2, width=6, depth=2, read="last")
    x = torch.randn(4, 9, 1)
    before, was = model(x)[0], copy.deepcopy(model.state_dict())
    quiet = silenced(model, [0, 5])
    assert (quiet(x)[0] - before).abs().max() > 1e-4
    for block in quiet.stack.blocks:
        assert (block.layer(torch.randn(2, 5, 6))[0][..., [0, 5]] == 0).all()
    assert torch.equal(model(x)[0], before)
    assert all(torch.equal(p, was[name]) for name, p in model.state_dict().items())


@pytest.mark.parametrize("small", [4, 6])
def test_other_parts_of_a_memory_go_on(x, small):
    layer = create_layer("hyper_lstm", 6, small=small)
    _, state = silenced(layer, [3])(x)
    assert (state.memory.h[:, 3] == 0).all() and (state.memory.c[:, 3] == 0).all()
    assert (state.memory.small_h != 0).all()


@pytest.mark.parametrize("name", ["lstm", "lstm_fgr"])
def test_a_state_carried_in_is_silent_too(name, x):
    layer = create_layer(name, 6)
    _, state = layer(x)
    quiet = silenced(layer, [2])
    cleared = map_state(lambda z: z.unflatten(-1, (-1, 6)).index_fill(-1, torch.tensor([2]), 0.0).flatten(1), state)
    torch.testing.assert_close(quiet(x, state)[0], quiet(x, cleared)[0], rtol=0, atol=0)
    for _, z in named_tensors(quiet(x, state)[1]):
        assert (z[:, 2::6] == 0).all()


def test_a_cell_with_two_names_is_silent_by_both(x):
    cell = create_layer("gru", 6)
    quiet = silenced(nn.ModuleDict({"one": cell, "other": cell}), [3])
    assert quiet["one"] is quiet["other"] and (quiet["other"](x)[0][..., 3] == 0).all()


def test_a_perturbation_is_as_large_as_said():
    layer = create_layer("leaky_rnn", 40)
    moved = perturbed(layer, ["from_h.weight", "tau"], 0.3, torch.Generator().manual_seed(0))
    for name, p in layer.named_parameters():
        by = (moved.get_parameter(name) - p).norm().detach() / p.norm().detach()
        assert float(by) == pytest.approx(0.3 if name in ("from_h.weight", "tau") else 0.0, rel=1e-5)
    again = perturbed(layer, ["tau"], 0.3, torch.Generator().manual_seed(0))
    assert not torch.equal(again.tau, moved.tau), "directions are drawn in the order of the names"


class Square(Cell):
    def __init__(self):
        super().__init__(4, (2, 2))
        self.bias = nn.Parameter(torch.zeros(4))

    def advance(self, p, memory):
        return memory


def test_misfits_are_refused():
    with pytest.raises(InputError, match="has no nonlinear cell"):
        silenced(create_layer("mingru", 4), [0])
    with pytest.raises(InputError, match="has units 0 to 3, got 4"):
        silenced(create_layer("gru", 4), [1, 4])
    with pytest.raises(InputError, match=r"expected a cell with memory \(B, units\), got"):
        silenced(Square(), [0])
    with pytest.raises(InputError, match="no parameter 'taus'; did you mean 'tau'"):
        perturbed(create_layer("leaky_rnn", 4), ["taus"], 0.1, torch.Generator())
    with pytest.raises(InputError, match="a size of 0 or more"):
        perturbed(create_layer("leaky_rnn", 4), ["tau"], -1.0, torch.Generator())
