"""Every law on every registered channel mixer; and that each law catches what it is for."""
import re

import pytest
import torch
from torch import nn
from torch._dynamo.exc import Unsupported
from torch.autograd.gradcheck import GradcheckError

from reprise.core.channel import ChannelMixer
from reprise.layers.registry import CHANNEL, create_channel, list_channels
from reprise.testing.channel_laws import channel_checks
from reprise.testing.laws import law_name
from reprise.testing.prove import Broken, prove


def build(name: str) -> ChannelMixer:
    torch.manual_seed(0)
    return create_channel(name, 4).double()


@pytest.mark.parametrize("check", channel_checks(), ids=law_name)
@pytest.mark.parametrize("name", list_channels())
def test_law(name, check, request):
    mixer = build(name)
    if reason := mixer.excused.get(law_name(check)):
        assert len(reason) > 20
        request.applymarker(pytest.mark.xfail(
            reason=reason, strict=True, raises=(AssertionError, RuntimeError)))  # the latter is what meta tensors raise
    check(mixer)


@pytest.mark.parametrize("name", list_channels())
def test_form(name):
    cls = CHANNEL.get(name)
    assert re.findall(r"^ {4}([A-Z]\w+)  +\S", cls.__doc__, re.M) == ["Shapes", "Cost", "Source", "Differs"]
    assert len(create_channel(name, 4).options) <= 8
    assert set(cls.excused) <= {law_name(check) for check in channel_checks()}


class Planted(ChannelMixer):
    """Right, but for one bug."""

    def __init__(self, width: int = 4, bug: str = ""):
        super().__init__()
        self.width, self.bug = width, bug
        self.out = nn.Linear(width, width)
        self.idle = nn.Parameter(torch.ones(1)) if bug == "idle" else None
        self.drop = nn.Dropout(0.5)

    def mix(self, x):
        y = self.out(x)
        if self.bug == "time":
            y = y + x.cumsum(1)
        if self.bug == "rows":
            y = y + x.sum(0)
        if self.bug == "drop":
            y = self.drop(y)
        if self.bug == "overflow":
            y = y * x.exp()
        if self.bug == "detached":
            y = y + x.detach()
        if self.bug == "wide":
            y = y.float()
        if self.bug == "branch" and (y > 0).any():
            y = y + 1
        return y

    def mix_beside(self, x, beside):
        if self.bug == "mutates":
            beside["planted"] = x
        return self.mix(x), {} if self.bug == "forgets" else beside

    def looks_beside(self):
        return False


OTHERWISE = {"detached": GradcheckError, "branch": Unsupported}  # the laws that torch judges


def test_prove_takes_a_mixer_too():
    findings = prove(Planted())
    assert len(findings) == len(channel_checks()) and {f.verdict for f in findings} == {"holds"}
    with pytest.raises(Broken, match=r"breaks 1 of 13 laws:\n  everything_learns: zero gradient in \['idle'\]"):
        prove(Planted(bug="idle"))


@pytest.mark.parametrize(("bug", "law"), [
    ("time", "every_step_alone"), ("rows", "rows_do_not_mix"), ("idle", "everything_learns"),
    ("drop", "same_in_training"), ("overflow", "extreme_inputs_stay_finite"), ("detached", "gradients_are_right"),
    ("wide", "bfloat16_is_near"),
    ("branch", "compiles_in_one_graph"), ("mutates", "in_a_stack_it_is_the_same"),
    ("forgets", "in_a_stack_it_is_the_same"),
])
def test_laws_catch(bug, law):
    check = next(check for check in channel_checks() if law_name(check) == law)
    torch.manual_seed(0)
    check(Planted().double())
    torch.manual_seed(0)
    with pytest.raises(OTHERWISE.get(bug, AssertionError)):
        check(Planted(bug=bug).double())
