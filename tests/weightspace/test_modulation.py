"""Scales that a HyperLSTM gives its weights: 1 at first, those that its own equation has after, and frozen if asked."""
import pytest
import torch

from reprise.core.errors import InputError
from reprise.layers import create_layer
from reprise.weightspace.modulation import freeze_scales, scales_over_time, weight_changes


@pytest.fixture
def layer():
    torch.manual_seed(0)
    made = create_layer("hyper_lstm", 6, small=4, embedding=3)
    with torch.no_grad():
        made.to_scales.weight.normal_(std=0.5)
    return made


def test_all_are_one_before_training():
    layer = create_layer("hyper_lstm", 6, small=4, embedding=3)
    x = torch.randn(2, 5, 6)
    torch.testing.assert_close(scales_over_time(layer, x), torch.ones(2, 5, 8, 6))
    assert weight_changes(layer, x)[:, 0].isnan().all() and (weight_changes(layer, x)[:, 1:] == 0).all()


def test_they_are_those_of_the_layer(layer):
    """The next memory, with the weights scaled by hand."""
    x = torch.randn(2, 7, 6)
    scales = scales_over_time(layer, x)
    memory = layer.initial_memory(2)
    for t in range(7):
        before, memory = memory, layer.advance([z[:, t] for z in layer.project(x)], memory)
        sums = torch.einsum("bn,gin,bgi->bgi", before.h, layer.from_h.weight.view(4, 6, 6), scales[:, t, :4])
        sums = sums + torch.einsum("bn,gin,bgi->bgi", x[:, t], layer.from_x.weight.view(4, 6, 6), scales[:, t, 4:])
        h, c = layer.gates(sums + layer.bias, before.c)
        torch.testing.assert_close(memory.h, h)
        torch.testing.assert_close(memory.c, c)


def test_changes_are_norms_of_scaled_matrices(layer):
    x = torch.randn(1, 5, 6)
    scales, got = scales_over_time(layer, x)[0], weight_changes(layer, x)[0]
    whole = torch.cat([layer.from_h.weight, layer.from_x.weight]).detach()
    for t in range(1, 5):
        now, then = (scales[s].reshape(-1, 1) * whole for s in (t, t - 1))
        torch.testing.assert_close(got[t], (now - then).norm() / whole.norm())


def test_frozen_scales_stay_one_in_training():
    torch.manual_seed(0)
    layer, free = (create_layer("hyper_lstm", 6, small=4, embedding=3) for _ in range(2))
    freeze_scales(layer)
    x = torch.randn(2, 5, 6)
    for made in (layer, free):
        optimiser = torch.optim.SGD([p for p in made.parameters() if p.requires_grad], 0.5)
        for _ in range(5):
            optimiser.zero_grad()
            made(x)[0][:, -1].square().sum().backward()
            optimiser.step()
    torch.testing.assert_close(scales_over_time(layer, x), torch.ones(2, 5, 8, 6))
    assert (scales_over_time(free, x) - 1).abs().max() > 1e-4
    assert not layer.shift.any()


def test_what_is_left_to_train_is_what_matters():
    layer = create_layer("hyper_lstm", 6, small=4, embedding=3)
    freeze_scales(layer)
    layer(torch.randn(2, 5, 6))[0].square().sum().backward()
    trained = {name for name, p in layer.named_parameters() if p.requires_grad}
    assert trained == {name for name, p in layer.named_parameters() if p.grad is not None}
    assert trained == {"from_x.weight", "from_h.weight", "bias", "gates.gain", "gates.bias", "gates.norm.weight",
                       "gates.norm.bias"}


def test_a_layer_that_was_trained_is_refused(layer):
    with pytest.raises(InputError, match="has not been trained, whose scales are all 1"):
        freeze_scales(layer)
