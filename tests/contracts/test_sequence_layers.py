"""Every law on every registered layer, and on what is made of layers."""
import re

import pytest
import torch
from torch import nn

from reprise import create_layer, layer_info, list_layers
from reprise.bases.linear_recurrence import LinearRecurrence
from reprise.core.errors import InputError
from reprise.core.layer import SequenceLayer
from reprise.layers.registry import SEQUENCE
from reprise.models.stack import Stack
from reprise.ops.backend import prefer
from reprise.testing.laws import checks, law_name

NAMES = list_layers()


class LearnedStart(LinearRecurrence):
    """A memory that begins as a parameter says: resets must go back to it, not to zero."""

    def __init__(self, width: int):
        super().__init__(width, (width,))
        self.rate = nn.Parameter(torch.linspace(-2, 2, width))
        self.start = nn.Parameter(torch.randn(width))

    def initial_memory(self, batch):
        return self.start.expand(batch, -1)

    def project(self, x):
        a = torch.sigmoid(self.rate)
        return a.expand_as(x), (1 - a) * x


class Hybrid(Stack):
    def __init__(self, width: int):
        super().__init__(["gru", "rg_lru", "gated_deltanet"], width)


SCANS = ["mingru", "lru", "mamba"]  # a layer for each operation that Triton has
COMPOSED = {"hybrid": Hybrid, "learned_start": LearnedStart}


def build(name: str) -> SequenceLayer:
    torch.manual_seed(0)
    return (COMPOSED[name](4) if name in COMPOSED else create_layer(name, 4)).double()


@pytest.mark.parametrize("check", checks(), ids=law_name)
@pytest.mark.parametrize("name", [*NAMES, *COMPOSED])
def test_law(name, check, request):
    layer = build(name)
    if reason := layer.excused.get(law_name(check)):
        request.applymarker(pytest.mark.xfail(reason=reason, strict=True, raises=AssertionError))
    check(layer)


@pytest.mark.slow
@pytest.mark.parametrize("check", checks(), ids=law_name)
@pytest.mark.parametrize("name", [*NAMES, *COMPOSED])
def test_law_without_kernels(name, check):
    layer = build(name)
    if law_name(check) not in layer.excused:
        with prefer("parallel"):
            check(layer)


@pytest.mark.slow
@pytest.mark.parametrize("check", checks(), ids=law_name)
@pytest.mark.parametrize("name", SCANS)
def test_law_by_triton(name, check):
    layer = build(name)
    with prefer("triton"):
        check(layer)


@pytest.mark.parametrize("name", NAMES)
def test_docstring_has_its_sections(name):
    sections = re.findall(r"^ {4}([A-Z]\w+)  +\S", SEQUENCE.get(name).__doc__, re.M)
    assert sections == ["Shapes", "Cost", "Source", "Differs"]
    info = layer_info(name)
    assert info.equations and info.summary.endswith(".") and list(info.sections) == sections


@pytest.mark.parametrize("name", NAMES)
def test_excuses_name_laws_and_reasons(name):
    laws = {law_name(check) for check in checks()}
    for law, reason in layer_info(name).excused.items():
        assert law in laws, f"{law} is no law"
        assert len(reason) > 20, f"{law}: {reason!r} is no reason"


@pytest.mark.parametrize("name", NAMES)
def test_few_options(name):
    assert len(layer_info(name).options) <= 7, "a constructor has eight arguments at most, the width among them"


def test_unknown_names_and_options_suggest():
    with pytest.raises(InputError, match=r"no layer is named 'min_gru'; did you mean 'mingru'"):
        create_layer("min_gru", 4)
    with pytest.raises(InputError, match=r"mamba has no option 'state'; did you mean 'states'"):
        create_layer("mamba", 4, state=8)
    with pytest.raises(InputError, match=r"gru: expected a width of 1 or more, got 0"):
        create_layer("gru", 0)
    with pytest.raises(InputError, match="width=4 is not divisible by heads=3; try heads=2"):
        create_layer("retnet", 4, heads=3)


def test_listing():
    assert {"elman", "gru", "lstm", "mingru", "minlstm", "lru", "hgrn", "rg_lru", "mamba", "retnet", "gated_deltanet",
            "rwkv7"} <= set(NAMES)
    assert list_layers("min*") == ["mingru", "minlstm"]
