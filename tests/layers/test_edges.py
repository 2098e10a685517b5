"""Options of the wrong type or size, and numbers that a narrow type has no room for."""
import math

import pytest
import torch

from reprise.core.errors import InputError
from reprise.layers import create_channel, create_layer, list_layers
from reprise.layers.registry import SEQUENCE
from reprise.training.optimisers import parameter_groups

WRONG_TYPES = [("lru", {"hidden": "x"}), ("mamba", {"kernel_size": 2.5}), ("rg_lru", {"heads": 2.0}),
               ("retnet", {"heads": True}), ("rwkv7", {"rank": "3"}), ("minlstm", {"forget_bias": "x"}),
               ("lru", {"r_min": "a"}), ("short_convolution", {"bias": "yes"})]
WRONG_SIZES = [("mamba", {"hidden": 0}), ("mamba", {"states": -1}), ("mamba", {"states": 0}), ("mamba", {"rank": 0}),
               ("mamba", {"kernel_size": 0}), ("lru", {"hidden": -1}), ("rg_lru", {"hidden": 0}),
               ("rg_lru", {"heads": -1}), ("retnet", {"heads": 0}), ("gated_deltanet", {"kernel_size": 0}),
               ("rwkv7", {"gate_rank": 0}), ("short_convolution", {"hidden": 0})]


@pytest.mark.parametrize(("name", "options"), WRONG_TYPES, ids=str)
def test_options_of_the_wrong_type(name, options):
    (option,) = options
    with pytest.raises(InputError, match=f"{name}: expected {option} to be .*, got "):
        create_layer(name, 4, **options)


@pytest.mark.parametrize(("name", "options"), WRONG_SIZES, ids=str)
def test_options_of_no_size(name, options):
    ((option, value),) = options.items()
    with pytest.raises(InputError, match=f"expected {option} of 1 or more, got {value}; try {option}=1"):
        create_layer(name, 4, **options)


@pytest.mark.parametrize("name", ["glu", "mlp"])
def test_channel_mixers_of_no_size(name):
    with pytest.raises(InputError, match="expected hidden of 1 or more, got 0"):
        create_channel(name, 4, hidden=0)


def test_whole_numbers_may_stand_for_floats_and_none_for_a_default():
    assert create_layer("lru", 4, r_max=1).options["r_max"] == 1
    assert create_layer("retnet", 4, heads=None).memory_shape == create_layer("retnet", 4).memory_shape


@pytest.mark.parametrize("phase", [math.nan, math.inf, 0.0])
def test_phases_that_are_none(phase):
    with pytest.raises(InputError, match="is no ring"):
        create_layer("lru", 4, max_phase=phase)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_silence_has_a_direction_to_rwkv7_in_every_precision(dtype):
    """A key of zeros has no direction; the floor of its length must be more than zero in float16 too."""
    layer = create_layer("rwkv7", 8).to(dtype)
    y, state = layer(torch.zeros(2, 3, 8, dtype=dtype), lengths=torch.tensor([3, 1]))
    assert y.isfinite().all() and state.memory.isfinite().all()


@pytest.mark.parametrize("name", list_layers())
def test_classes_by_themselves_know_a_width_that_is_none(name):
    """Nothing but `create_layer` stands before them; a start of 1 / sqrt(width) must not come first."""
    with pytest.raises(InputError, match=r"expected width of 1 or more, got 0"):
        SEQUENCE.get(name)(0)


@pytest.mark.parametrize(("name", "parameter"), [("rg_lru", "gates_bias"), ("lssl", "D")])
def test_biases_and_gains_kept_as_matrices_do_not_decay(name, parameter):
    assert parameter in dict(parameter_groups(create_layer(name, 8))["plain"])
