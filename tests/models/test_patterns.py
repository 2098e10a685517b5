"""Published hybrids are repeated to the depth, cite their paper, and are models like any other."""
import re

import pytest
import torch

from reprise import LanguageModel, list_layers
from reprise.core.errors import InputError
from reprise.models.patterns import PATTERNS, expand, told_of

every = pytest.mark.parametrize("name", PATTERNS)


def test_repeated_to_the_depth():
    assert expand("griffin", 5) == ["rg_lru", "rg_lru", "local_attention", "rg_lru", "rg_lru"]
    assert expand("gru", 2) == ["gru", "gru"] and expand("gru", 0) == []
    kinds = [type(block.layer).__name__ for block in LanguageModel("griffin", 8, depth=6).stack.blocks]
    assert kinds == ["RGLRU", "RGLRU", "LocalAttention"] * 2
    assert [s if isinstance(s, str) else s[0] for s in expand("jamba", 8)].index("full_attention") == 4
    assert expand("xlstm_7_1", 8) == ["mlstm"] * 7 + ["slstm"]


@every
def test_what_is_said_of_them(name):
    assert re.search(r"20\d\d, arXiv:\d{4}\.\d{5}, sec\. ", PATTERNS[name].source)
    assert told_of(name)[0] == "hybrid" and PATTERNS[name].summary.endswith(".") and PATTERNS[name].differs
    assert name not in list_layers(), "one name, one thing"


@every
@torch.no_grad()
def test_they_are_models(name):
    depth = len(PATTERNS[name].layers)
    model, x = LanguageModel(name, 8, depth).double().eval(), torch.randint(256, (2, 9))
    whole, end = model(x)
    first, state = model(x[:, :4])
    rest, _ = model(x[:, 4:], state)
    torch.testing.assert_close(torch.cat([first, rest], 1), whole)
    twin = LanguageModel(**model.options)
    twin.load_state_dict(model.state_dict())
    assert len(end) == depth


def test_neither_layer_nor_pattern():
    with pytest.raises(InputError, match="no layer is named 'grifin'; did you mean 'griffin'"):
        LanguageModel("grifin")
