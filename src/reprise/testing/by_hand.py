"""For tests that compare a layer with a loop written by hand from its paper."""
from typing import TypeVar

import numpy as np
import torch
from torch import nn

__all__ = ["filled", "weights"]

Module = TypeVar("Module", bound=nn.Module)


@torch.no_grad()
def filled(layer: Module) -> Module:
    """The same layer in float64, with parameters that no initialisation left at zero or one."""
    layer = layer.double()
    for i, p in enumerate(layer.parameters()):
        p.copy_(0.5 * torch.sin(torch.arange(p.numel()) * 1.3 + i).view_as(p))
    return layer


def weights(layer: nn.Module) -> dict[str, np.ndarray]:
    """Its parameters by name, as NumPy has them."""
    return {name: p.detach().numpy() for name, p in layer.named_parameters()}
