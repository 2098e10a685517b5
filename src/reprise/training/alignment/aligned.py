"""Training on several domains at once, with features that are to be alike in all of them."""
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from reprise.core.errors import InputError
from reprise.training.alignment.discrepancies import sinkhorn
from reprise.training.objectives import Scored
from reprise.training.relative_errors import symmetric_error

__all__ = ["Aligned", "Domains", "misalignment"]

Discrepancy = Callable[[Tensor, Tensor], Tensor]  # (P N F), (P N F) -> (P,)
NORMALISED = {"softmax": lambda features: features.softmax(-1), "tanh": torch.tanh, "none": lambda features: features}


class Domains(NamedTuple):
    """As many windows of each of K domains, and what follows them."""

    x: Float[Tensor, "K B L D"]
    y: Float[Tensor, "K B H D"]


@dataclass(frozen=True)
class Aligned:
    """An objective: the error of forecasts in all domains, plus how far features of any two of them are apart.

        mean error + weight sum over stacks of the mean (or largest) over pairs of discrepancy(sigma(g_i), sigma(g_j))

    The model's `trace` of windows (B L D) gives a `forecast`, and `features`, (B D F) of each stack
    (models/forecast/nbeats.py). Batches are `Domains`. A weight of 0 leaves out the features, and their cost.
    normalised: sigma, without which features can be alike by being small: "softmax", "tanh" or "none".
    Source   Lee et al. 2023, arXiv:2305.15196   (lee2023feature)
    Raises InputError for a weight below 0, for other names, and for batches of a single domain.
    """

    weight: float = 1.0
    discrepancy: Discrepancy = sinkhorn
    normalised: Literal["softmax", "tanh", "none"] = "softmax"
    over_pairs: Literal["mean", "max"] = "mean"
    error: Callable[[Tensor, Tensor], Scored] = symmetric_error

    def __post_init__(self) -> None:
        if not self.weight >= 0:
            raise InputError(f"Aligned: expected a weight of 0 or more, got {self.weight}")
        if self.normalised not in NORMALISED or self.over_pairs not in ("mean", "max"):
            raise InputError("Aligned: expected normalised to be softmax, tanh or none, and over_pairs mean or max, "
                             f"got {self.normalised!r} and {self.over_pairs!r}")

    def __call__(self, model: nn.Module, batch: Any, state: Any = None) -> Scored:
        if batch.x.ndim != 4 or len(batch.x) < 2:
            raise InputError("Aligned: expected windows (K, B, L, D) of two domains or more, got "
                             f"{tuple(batch.x.shape)}")
        trace = model.trace(batch.x.flatten(0, 1))
        total, count, _ = self.error(trace.forecast, batch.y.flatten(0, 1))
        if self.weight:
            apart = misalignment(trace.features, len(batch.x), self)
            total = total + self.weight * count * apart
        return Scored(total, count, None)


def misalignment(features: tuple[Float[Tensor, "B D F"], ...], domains: int, aligned: Aligned) -> Float[Tensor, ""]:
    """How far apart they are, summed over stacks: rows are of one domain after the other, as many of each."""
    left, right = zip(*combinations(range(domains), 2))
    apart = []
    for of_stack in features:
        rows = NORMALISED[aligned.normalised](of_stack).unflatten(0, (domains, -1)).flatten(1, 2)
        of_pairs = aligned.discrepancy(rows[list(left)], rows[list(right)])
        apart.append(of_pairs.amax() if aligned.over_pairs == "max" else of_pairs.mean())
    return torch.stack(apart).sum()
