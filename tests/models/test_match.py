"""Widths found by counting."""
import pytest
from torch import nn

from reprise.core.errors import InputError
from reprise.models.match import count_parameters, match_width
from reprise.models.sequence_model import SequenceModel


def build(layer):
    return lambda width: SequenceModel(layer, 3, 2, width=width, depth=1)


@pytest.mark.parametrize("layer", ["elman", "gru", "lstm", "lru"])
def test_no_other_width_is_nearer(layer):
    width = match_width(build(layer), 20_000)
    off = {w: abs(count_parameters(build(layer)(w)) - 20_000) for w in (width - 1, width, width + 1)}
    assert off[width] == min(off.values())


def test_multiples_and_what_cannot_be():
    assert match_width(build("gru"), 20_000, multiple=16) % 16 == 0
    with pytest.raises(InputError, match="more than twice 10; give more"):
        match_width(build("gru"), 10)


def test_a_model_that_does_not_grow_is_given_up():
    with pytest.raises(InputError, match="see that `build` uses the width it is given"):
        match_width(lambda width: nn.Linear(3, 2), 20_000)
