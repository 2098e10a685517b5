"""A residual forecaster as a sum of linear maps, one a block: what each does with the window it was given."""
from typing import Any, NamedTuple, Protocol

import torch
from jaxtyping import Float
from torch import Tensor

from reprise.core.modes import undisturbed

__all__ = ["BlockMaps", "block_maps"]


class Blockwise(Protocol):
    """What is asked of a model: the parts (M N B H D) of its blocks, as `trace` of models.forecast.nbeats says them."""

    def trace(self, x: Float[Tensor, "B L D"]) -> Any: ...


class BlockMaps(NamedTuple):
    """Around one window x: block l adds maps[l] x + offsets[l], and their sum is the forecast."""

    maps: Float[Tensor, "N H L"]
    offsets: Float[Tensor, "N H"]


def block_maps(model: Blockwise, window: Float[Tensor, " L"]) -> BlockMaps:
    """The maps of all blocks, in order, for one series; exact where activations are piecewise linear.

    Blocks with shared weights have different maps: each sees what those before have left, and so the whole map changes
    with the series, as if its last layer had been trained on it.
    Source   Oreshkin et al. 2021, arXiv:2002.02887, sec. 3   (oreshkin2021meta)
    """

    def parts(x: Tensor) -> Tensor:
        return model.trace(x[None, :, None]).blocks[..., 0, :, 0].flatten(0, 1)

    with undisturbed(model.modules()):
        maps = torch.autograd.functional.jacobian(parts, window.detach(), vectorize=True)
        with torch.no_grad():
            return BlockMaps(maps, parts(window) - maps @ window)
