"""What a hypernetwork does to the weights of another network as that reads on."""
import torch
from jaxtyping import Float
from torch import Tensor

from reprise.core.errors import InputError
from reprise.layers.nonlinear.dynamics.hyper_lstm import HyperLSTM
from reprise.ops.unroll import unroll

__all__ = ["freeze_scales", "scales_over_time", "weight_changes"]

SMALL = "small_", "to_", "scales", "shift"  # how the names begin of what makes scales and shifts


def freeze_scales(layer: HyperLSTM) -> None:
    """Leaves a new HyperLSTM with the scales it starts with, 1 each, and shifts of 0: a normed LSTM, and beside it a
    small one that nobody hears. The weights of that, and of what it says, are no longer trained.
    """
    if layer.to_scales.weight.any() or layer.shift.any():
        raise InputError("freeze_scales: expected a layer that has not been trained, whose scales are all 1; "
                         "create a new one")
    for name, parameter in layer.named_parameters():
        if name.startswith(SMALL):
            parameter.requires_grad_(False)


@torch.no_grad()
def scales_over_time(layer: HyperLSTM, x: Float[Tensor, "B T D"]) -> Float[Tensor, "B T 8 D"]:
    """By what every row of the weights is multiplied at each step: rows of the four recurrent matrices (gates i, g, f,
    o), then of the four of the input, from the initial state on.
    """
    small, _ = unroll(layer.advance, layer.project(x), layer.initial_memory(len(x)), start=layer.initial_memory(1),
                      emit=lambda memory: memory.small_h)
    return torch.einsum("btgz,gzn->btgn", layer.to_scales(small).unflatten(-1, (8, -1)), layer.scales)


@torch.no_grad()
def weight_changes(layer: HyperLSTM, x: Float[Tensor, "B T D"]) -> Float[Tensor, "B T"]:
    """How far the weights move from one step to the next: the norm of the difference of all scaled weights, as a share
    of the norm of the weights unscaled. NaN at the first step, which has none before it.

        |(d_t - d_{t-1}) W| / |W|,   W the recurrent and the input weights, rows multiplied by d
    """
    weights = torch.cat([layer.from_h.weight, layer.from_x.weight])
    rows = weights.square().sum(1).view(8, -1)
    moved = (scales_over_time(layer, x).diff(dim=1).square() * rows).sum((2, 3)).sqrt() / weights.norm()
    return torch.cat([moved.new_full((len(x), 1), torch.nan), moved], 1)
