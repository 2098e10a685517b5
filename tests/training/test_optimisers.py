import pytest
import torch
from tiny import Leak, Tiny
from torch import nn

from reprise.core.errors import InputError
from reprise.training.optimisers import adamw, parameter_groups


def names(group):
    return [name for name, _ in group]


def test_groups_hold_every_parameter_once():
    model = Tiny()
    groups = parameter_groups(model)
    assert names(groups["recurrent"]) == ["layers.0.decay", "layers.1.decay"]
    assert names(groups["decayed"]) == ["layers.0.mix.weight", "layers.1.mix.weight", "head.weight"]
    assert names(groups["plain"]) == ["embedding.weight", "layers.0.mix.bias", "layers.1.mix.bias", "head.bias"]
    assert sum(map(len, groups.values())) == len(list(model.parameters()))


def test_tied_and_frozen():
    model = Tiny()
    model.head.weight = model.embedding.weight
    model.layers[0].mix.weight.requires_grad_(False)
    groups = parameter_groups(model)
    assert names(groups["decayed"]) == ["layers.1.mix.weight"]
    assert "embedding.weight" in names(groups["plain"])


def test_recurrent_parameters_learn_slower_and_without_weight_decay():
    groups = {g["name"]: g for g in adamw(Tiny(), rate=0.4, weight_decay=0.1).param_groups}
    assert {name: (g["lr"], g["weight_decay"]) for name, g in groups.items()} == {
        "decayed": (0.4, 0.1), "plain": (0.4, 0.0), "recurrent": (0.1, 0.0)}


def test_weight_decay_shrinks_only_its_group():
    model = Tiny()
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    for p in model.parameters():
        p.grad = torch.zeros_like(p)
    adamw(model, rate=0.1, weight_decay=0.5).step()
    changed = [name for name, p in model.named_parameters() if not torch.equal(p, before[name])]
    assert changed == ["layers.0.mix.weight", "layers.1.mix.weight", "head.weight"]


def test_a_model_without_some_group():
    assert [g["name"] for g in adamw(nn.Linear(2, 2, bias=False)).param_groups] == ["decayed"]


class Mistaken(Leak):
    recurrent_parameters = ("nu",)


def test_says_which_parameter_is_missing():
    with pytest.raises(InputError, match=r"^Mistaken\.recurrent_parameters lists 'nu', which it lacks; its parameters"):
        adamw(Mistaken(2))
    with pytest.raises(InputError, match="expected rate > 0"):
        adamw(Tiny(), rate=0.0)
