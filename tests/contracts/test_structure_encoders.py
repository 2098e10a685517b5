"""Every law on every registered structure encoder; and that each law catches what it is for."""
import re

import pytest
import torch
from torch import nn
from torch.autograd.gradcheck import GradcheckError

from reprise.core.structure import Encoding, StructureEncoder, right_ends
from reprise.layers.registry import STRUCTURE, create_encoder, list_encoders
from reprise.testing.laws import law_name
from reprise.testing.prove import Broken, prove
from reprise.testing.structure_laws import structure_checks


@pytest.mark.parametrize("check", structure_checks(), ids=law_name)
@pytest.mark.parametrize("name", list_encoders())
def test_law(name, check, request):
    torch.manual_seed(0)
    encoder = create_encoder(name, 4).double()
    if reason := encoder.excused.get(law_name(check)):
        assert len(reason) > 20
        request.applymarker(pytest.mark.xfail(reason=reason, strict=True, raises=AssertionError))
    check(encoder)


@pytest.mark.parametrize("name", list_encoders())
def test_form(name):
    cls = STRUCTURE.get(name)
    assert re.findall(r"^ {4}([A-Z]\w+)  +\S", cls.__doc__, re.M) == ["Shapes", "Cost", "Source", "Differs"]
    assert len(create_encoder(name, 4).options) <= 8
    assert set(cls.excused) <= {law_name(check) for check in structure_checks()}


class Planted(StructureEncoder):
    """The mean over what is read, right but for one bug."""

    def __init__(self, width: int = 4, bug: str = ""):
        super().__init__()
        self.width, self.bug = width, bug
        self.out = nn.Linear(width, width)
        self.idle = nn.Parameter(torch.ones(1)) if bug == "idle" else None
        self.drop = nn.Dropout(0.5)

    def encode(self, x, lengths, heights):
        made = self.out(x).tanh()
        if self.bug != "padding":
            made = made * (torch.arange(x.shape[1]) < lengths[:, None])[..., None]
        if self.bug == "narrow":
            made = made[..., :-1]
        if self.bug == "first":
            made = made[:, :1]
        y = made.sum(1) / lengths[:, None]
        if self.bug == "rows":
            y = y + x.sum((0, 1))
        if self.bug == "drop":
            y = self.drop(y)
        if self.bug == "overflow":
            y = y * x.exp().sum(1)
        if self.bug == "detached":
            y = y + x.detach().sum(1)
        reward = -1.0 if self.bug == "reward" else 0.0
        return Encoding(y, y.new_full((len(y),), reward))


class DeafToTheTree(Planted):
    told = True


class MindsHowHigh(Planted):
    told = True

    def encode(self, x, lengths, heights):
        return super().encode(x * heights[..., None].add(1), lengths, heights)


def law(name):
    return next(check for check in structure_checks() if law_name(check) == name)


def test_prove_takes_an_encoder_too():
    findings = prove(Planted())
    assert len(findings) == len(structure_checks()) and {f.verdict for f in findings} == {"holds"}
    with pytest.raises(Broken, match=r"breaks 1 of 11 laws:\n  everything_learns: zero gradient in \['idle'\]"):
        prove(Planted(bug="idle"))


@pytest.mark.parametrize(("bug", "name"), [
    ("narrow", "one_vector_a_row"), ("reward", "one_vector_a_row"), ("padding", "padding_is_not_seen"),
    ("rows", "rows_do_not_mix"), ("first", "every_element_is_seen"), ("idle", "everything_learns"),
    ("detached", "gradients_are_right"), ("drop", "same_in_training"), ("overflow", "extreme_inputs_stay_finite"),
])
def test_laws_catch(bug, name):
    torch.manual_seed(0)
    law(name)(Planted().double())
    torch.manual_seed(0)
    with pytest.raises(GradcheckError if bug == "detached" else AssertionError):
        law(name)(Planted(bug=bug).double())


def test_laws_catch_what_is_done_with_a_tree():
    with pytest.raises(AssertionError, match="another tree makes no difference"):
        law("a_tree_is_an_order")(DeafToTheTree().double())
    with pytest.raises(AssertionError, match="taller, in the same order"):
        law("a_tree_is_an_order")(MindsHowHigh().double())


def test_parts_of_a_tree():
    """((a b) (c d)) e: where the right part of each node ends."""
    heights = torch.tensor([[1, 2, 1, 3, 0]])
    assert right_ends(heights)[0, :-1].tolist() == [1, 3, 3, 4]
