"""Classes as the means of their examples' features: a classifier that a new class joins with a few examples."""
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn import functional as F

from reprise.core.errors import InputError
from reprise.core.modes import undisturbed
from reprise.core.state import move
from reprise.training.objectives import Objective, Scored

__all__ = ["Features", "Prototypes", "prototype_label", "prototypes_of"]

Features = Callable[[nn.Module, Any], Float[Tensor, "B D"]]  # of a batch, by a model


class Prototypes(NamedTuple):
    """One direction a class: the mean of its examples' features, each of length 1 before."""

    means: Float[Tensor, "C D"]
    labels: Int64[Tensor, "C"]

    def logits(self, features: Float[Tensor, "B D"], scale: float = 16.0) -> Float[Tensor, "B C"]:
        """scale * the cosine between features and each prototype."""
        return scale * F.normalize(features, dim=-1) @ F.normalize(self.means, dim=-1).T

    def classify(self, features: Float[Tensor, "B D"]) -> Int64[Tensor, "B"]:
        """The label of the prototype with the largest cosine."""
        return self.labels[self.logits(features).argmax(-1)]

    def with_more(self, other: "Prototypes") -> "Prototypes":
        """Those of further classes too. Raises InputError where both have the same class."""
        if len(both := torch.cat([self.labels, other.labels])) != len(both.unique()):
            raise InputError(f"with_more: classes {self.labels.tolist()} and {other.labels.tolist()} overlap")
        return Prototypes(torch.cat([self.means, other.means]), both)


@torch.no_grad()
def prototypes_of(model: nn.Module, batches: Iterable, features: Features) -> Prototypes:
    """A prototype for each label there is, in their order; the model is in evaluation mode meanwhile.

    Source: Snell et al. 2017, arXiv:1703.05175, sec. 2.2 (snell2017prototypical)
    Differs: cosine for the square of the distance, as the few-shot class-incremental papers have it
    """
    found, labels = [], []
    device = next((p.device for p in model.parameters()), None)
    with undisturbed(model.modules()):
        for batch in batches:
            batch = batch if device is None else move(batch, device)
            found.append(F.normalize(features(model, batch), dim=-1))
            labels.append(batch.y)
    if not found:
        raise InputError("prototypes_of: no batch was given; give at least one example a class")
    rows, of = torch.cat(found), torch.cat(labels)
    known = of.unique()
    return Prototypes(torch.stack([rows[of == label].mean(0) for label in known]), known)


def prototype_label(prototypes: Prototypes, features: Features, scale: float = 16.0) -> Objective:
    """The objective: cross entropy of labels under a softmax of scaled cosines to prototypes, which stay as they are.

    Source: Kang et al. 2023, arXiv:2303.14962, sec. 4 (kang2023softnet)
    """
    def objective(model: nn.Module, batch: Any, state: Any = None) -> Scored:
        logits = prototypes.logits(features(model, batch), scale)
        same = batch.y[:, None] == prototypes.labels
        if not bool(same.any(1).all()):
            raise InputError(f"prototype_label: a label has no prototype; known: {prototypes.labels.tolist()}")
        return Scored(F.cross_entropy(logits, same.long().argmax(1), reduction="sum"), len(batch.y), None)

    return objective
