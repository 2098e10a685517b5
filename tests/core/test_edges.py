"""What a caller gets wrong at the protocol's edge: other types, other precisions, other devices, no tensors at all."""
import copy

import numpy as np
import pytest
import torch

from reprise import create_layer
from reprise.core.errors import InputError, suggest
from reprise.core.state import map_state, move, named_tensors


def test_input_that_is_no_tensor():
    layer = create_layer("gru", 4)
    for x, said in ((None, "NoneType"), ([[[0.0] * 4]], "list"), (np.zeros((1, 2, 4), "float32"), "ndarray")):
        with pytest.raises(InputError, match=rf"GRU: expected x of shape \(B, T, 4\), got a {said}; give a tensor"):
            layer(x)
    with pytest.raises(InputError, match="batch first, then time"):
        layer(torch.zeros(1, 1, 2, 4))


@pytest.mark.parametrize("name", ["gru", "mingru", "mamba", "retnet", "rwkv7"])
def test_input_of_another_precision_or_device(name):
    layer, x = create_layer(name, 4), torch.zeros(2, 3, 4)
    with pytest.raises(InputError, match=r"x is torch.float64 and the parameters are torch.float32; call x.to"):
        layer(x.double())
    with pytest.raises(InputError, match="x is on meta and the parameters are on cpu"):
        layer(x.to("meta"))


def test_a_layer_may_keep_some_parameters_wider():
    layer = create_layer("mamba", 4).bfloat16()
    layer.log_A.data = layer.log_A.data.float()
    y, _ = layer(torch.zeros(2, 3, 4, dtype=torch.bfloat16))
    assert y.shape == (2, 3, 4)


def test_autocast_brings_types_together():
    layer, x = create_layer("mingru", 4), torch.randn(2, 3, 4)
    with torch.autocast("cpu", torch.bfloat16):
        _, state = layer(x.bfloat16())
        y, _ = layer(x, state)
    assert y.isfinite().all()


@pytest.mark.parametrize("name", ["elman", "lstm", "mingru", "lru", "rg_lru", "gated_deltanet"])
def test_states_of_another_kind_are_refused(name):
    """A kernel handed one of these would have read memory that is not there, or changed the state's precision."""
    layer, x = create_layer(name, 4), torch.randn(2, 3, 4)
    state = layer(x)[1]
    widened = map_state(lambda s: s.to(torch.complex128 if s.is_complex() else torch.float64), state)
    for other in (widened, move(state, "meta")):
        for call in (lambda s: layer(x, s), lambda s: layer.step(x[:, 0], s)):
            with pytest.raises(InputError, match=r"this state does not fit: .*, expected .* on cpu"):
                call(other)


@pytest.mark.parametrize("state", [3, "gru", {"memory": torch.zeros(2, 4)}, [1, 2], (None,)], ids=str)
def test_states_that_are_no_trees_of_tensors(state):
    with pytest.raises(InputError, match="expected a tree of tuples of tensors, got a "):
        create_layer("gru", 4)(torch.zeros(2, 3, 4), state)
    with pytest.raises(InputError, match="got a "):
        list(named_tensors(state))


def test_names_are_found_however_they_are_spelt():
    spelt = {"GRU": "gru", "minGRU": "mingru", "RG-LRU": "rg_lru", "Gated DeltaNet": "gated_deltanet"}
    for asked, name in spelt.items():
        with pytest.raises(InputError, match=f"did you mean '{name}'"):
            create_layer(asked, 4)
    assert suggest("Lru", ["LRU", "GRU"]).startswith("; did you mean 'LRU'")


def test_copies_of_a_narrow_layer_take_their_own_states_only():
    layer = create_layer("gru", 4)
    narrow = copy.deepcopy(layer).bfloat16()
    with pytest.raises(InputError, match=r"memory is torch.float32 on cpu, expected torch.bfloat16"):
        narrow(torch.zeros(2, 3, 4, dtype=torch.bfloat16), layer.initial_state(2))
