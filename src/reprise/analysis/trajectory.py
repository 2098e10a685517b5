"""How long a path the state takes: what a simple input is drawn out to."""
import math

import torch
from jaxtyping import Float
from torch import Tensor

from reprise.core.errors import InputError, check_counts

__all__ = ["circle", "trajectory_length"]


def circle(steps: int, turns: int = 1) -> Float[Tensor, "1 T 2"]:
    """A point that goes round the unit circle, as a row of inputs; the last is a step short of the first."""
    check_counts("circle", steps=steps, turns=turns)
    angle = 2 * math.pi * turns * torch.arange(steps) / steps
    return torch.stack([torch.sin(angle), torch.cos(angle)], -1)[None]


def trajectory_length(states: Float[Tensor, "B T N"], components: int = 2) -> Float[Tensor, "B"]:
    """The length of the path of each row, seen in its first principal components; of all N, the length itself.

        sum_t |P (z_t - z_{t-1})|,   P the directions of most variance of the row

    Raises InputError for fewer steps than two, and more components than a state has numbers.

    Source   Raghu et al. 2017, arXiv:1606.05336, for the measure; Hasani et al. 2020, arXiv:2006.04439, sec. 5, in two
             components   (hasani2020liquid)
    """
    if states.ndim != 3 or states.shape[1] < 2 or not 1 <= components <= states.shape[2]:
        raise InputError(f"trajectory_length: expected states (B T N) with T of 2 or more and N of {components} or "
                         f"more, got {tuple(states.shape)}")
    centred = states - states.mean(1, keepdim=True)
    _, directions = torch.linalg.eigh(centred.mT @ centred)  # the most variance comes last
    return (states.diff(dim=1) @ directions[..., -components:]).norm(dim=-1).sum(1)
