"""Elastic weight consolidation: weights that mattered to earlier tasks are held where they were."""
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import torch
from torch import Tensor, nn

from reprise.continual.strategy import Strategy
from reprise.core.errors import InputError
from reprise.core.modes import undisturbed
from reprise.core.state import detach, move
from reprise.training.objectives import Objective

__all__ = ["EWC", "Anchor", "fisher"]


class Anchor(NamedTuple):
    """Where weights were after a task, and how much each mattered to it."""

    weights: dict[str, Tensor]
    importance: dict[str, Tensor]


@dataclass(frozen=True, eq=False)
class EWC(Strategy):
    """strength / 2 * sum over tasks k and weights i of F_ki (w_i - w_ki)^2, F_k the diagonal Fisher information.

    without: names of modules whose parameters are left alone, such as heads of their own (`OwnValues`).
    examples: how many a task's importance is measured on.   fade: None keeps an anchor for each task; a number from 0
    to 1 keeps one, at the last weights, its importance <- fade * importance + that of the new task ("online").
    Source: Kirkpatrick et al. 2017, arXiv:1612.00796, eq. 3 (kirkpatrick2017overcoming); online, Schwarz et al. 2018,
    arXiv:1805.06370, sec. 4 (schwarz2018progress)
    Differs: Fisher information of the labels that are there ("empirical"), not of labels drawn from the model
    """

    strength: float
    without: tuple[str, ...] = ()
    examples: int = 200
    fade: float | None = None
    anchors: tuple[Anchor, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        if not (self.strength >= 0 and self.examples >= 1 and (self.fade is None or 0 <= self.fade <= 1)):
            raise InputError("EWC: expected strength >= 0, examples >= 1 and fade None or from 0 to 1, "
                             f"got strength={self.strength}, examples={self.examples}, fade={self.fade}")

    def penalty(self, model, batch):
        total: Tensor | float = 0.0
        for anchor in self.anchors:
            for name, weight in anchor.weights.items():
                away = model.get_parameter(name) - weight
                total = total + (anchor.importance[name] * away.square()).sum()
        return self.strength / 2 * total

    def consolidated(self, model, task, batches, objective):
        names = [name for name, p in model.named_parameters()
                 if p.requires_grad and not any(name.startswith(f"{left}.") for left in self.without)]
        importance = fisher(model, batches, objective, names, self.examples)
        if self.fade is not None and self.anchors:
            importance = {n: self.fade * self.anchors[0].importance[n] + importance[n] for n in names}
        anchor = Anchor({name: model.get_parameter(name).detach().clone() for name in names}, importance)
        return replace(self, anchors=(anchor,) if self.fade is not None else (*self.anchors, anchor))


def fisher(model: nn.Module, batches: Iterable, objective: Objective, names: Iterable[str],
           examples: int) -> dict[str, Tensor]:
    """The mean, over the first so many rows, of each parameter's squared gradient of one row's loss.

    Rows are taken one by one: squares of a batch's gradient are of its mean, and far too small. In evaluation mode.
    Raises InputError where there is no row.
    """
    chosen, device = {name: model.get_parameter(name) for name in names}, next(model.parameters()).device
    squares, count = {name: torch.zeros_like(p) for name, p in chosen.items()}, 0
    with undisturbed(model.modules()):
        for row in _rows(batches):
            if count == examples:
                break
            loss = objective(model, move(row, device), None).total
            found = torch.autograd.grad(loss, list(chosen.values()), allow_unused=True, materialize_grads=True)
            for name, gradient in zip(chosen, found, strict=True):
                squares[name] += gradient.square()
            count += 1
    if not count:
        raise InputError("fisher: no row was given; give batches of the task with at least one")
    return {name: detach(square / count) for name, square in squares.items()}


def _rows(batches: Iterable):
    for batch in batches:
        for row in range(len(batch.x)):
            yield type(batch)(*(None if part is None else part[row : row + 1] for part in batch))
