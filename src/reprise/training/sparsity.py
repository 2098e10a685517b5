"""A penalty under which small weights become zero and large ones stay as they are, beside any objective."""
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from reprise.core.errors import InputError
from reprise.training.objectives import Objective, Scored

__all__ = ["Sparse", "bounded_penalty"]

TINY = 1e-12  # added before the root: its slope at zero is infinite


def bounded_penalty(weights: Float[Tensor, "..."], slope: float = 3.0, root: float = 3.0) -> Float[Tensor, ""]:
    """The mean of 2 / (1 + exp(-slope |w|^(1 / root))) - 1, from 0 to 1: steep at zero, flat where weights are large.

    Source   Triebe et al. 2019, arXiv:1911.12436, sec. 3.3; code, ourownstory/neural_prophet   (triebe2019arnet)
    """
    return torch.tanh(slope * (weights.abs() + TINY) ** (1 / root) / 2).mean()


@dataclass(frozen=True)
class Sparse:
    """An objective with strength (1 / share - 1) R(w) added to its mean, R the bounded penalty of some weights.

    weights: which, of a model.   share: of them that is expected not to be zero, above 0 to 1, where nothing is added.
    strength: a hundredth of the root of the loss without it, as the paper has it.
    Source   Triebe et al. 2019, arXiv:1911.12436   (triebe2019arnet)
    Differs  from their later code in that it is not ramped up: train without it first, and then with it
    """

    objective: Objective
    weights: Callable[[nn.Module], Tensor]
    share: float
    strength: float = 0.01

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1 or self.strength < 0:
            raise InputError(f"Sparse: expected a share above 0 and up to 1 and a strength of 0 or more, got "
                             f"{self.share} and {self.strength}; try share=0.1")

    def __call__(self, model: nn.Module, batch: Any, state: Any = None) -> Scored:
        scored = self.objective(model, batch, state)
        weight = self.strength * (1 / self.share - 1)
        return scored._replace(total=scored.total + scored.count * weight * bounded_penalty(self.weights(model)))
