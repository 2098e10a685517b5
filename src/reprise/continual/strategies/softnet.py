"""Soft subnetworks: a few new examples are learned in the minor weights, while the major ones stand still."""
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import chain

import torch
from torch import Tensor, nn

from reprise.continual.masks import masked, scored_mask
from reprise.continual.strategy import Strategy
from reprise.core.errors import InputError

__all__ = ["SoftNet"]


@dataclass(frozen=True, eq=False)
class SoftNet(Strategy):
    """A subnetwork with soft edges, learned in task 0 and bent a little in every later one:

        m = 1 for the largest |scores|, share c of each matrix ("major"); drawn from U(0, 1) for the rest ("minor")
        effective weight = w m;   after task 0:   w <- w + m_minor (the optimiser's change),   m_minor = 0 where major

    In task 0 weights and scores learn; then the mask is settled, and only minor weights of `tuned` modules go on, as
    far as their softness lets them. All else stands still, buffers such as a batch norm's too. For few examples of new
    classes, with a classifier that has no weights of its own (continual/prototypes.py).

    soft: False has minor weights at 0, where they neither count nor learn (a binary subnetwork).
    Source: Kang et al. 2023, ICLR (kang2023fscil), and arXiv:2303.14962, sec. 4 (kang2023softnet)
    Differs: softness is drawn once, before task 0, not at each update
    """

    modules: tuple[str, ...]
    tuned: tuple[str, ...]
    share: float = 0.5
    soft: bool = True
    generator: torch.Generator | None = None
    task: int = -1  # the last begun
    softness: dict[str, Tensor] = field(default_factory=dict, repr=False)  # of what still learns, by parameter
    before: dict[str, Tensor] = field(default_factory=dict, repr=False)  # parameters, buffers after the last update

    def __post_init__(self) -> None:
        if not (0 < self.share <= 1 and self.modules and set(self.tuned) <= set(self.modules)):
            raise InputError("SoftNet: expected modules, tuned ones among them, and a share above 0, to 1, "
                             f"got modules={self.modules}, tuned={self.tuned}, share={self.share}")

    def begun(self, model, task):
        if self.task < 0:
            masked(model, self.modules, self.share, soft=self.soft, generator=self.generator)
        return replace(self, task=task)

    @torch.no_grad()
    def updated(self, update):
        if not self.before:
            return self
        after = {}
        for name, parameter in _numbers(update.model):
            was = self.before[name]
            parameter.copy_(torch.lerp(was, parameter, self.softness[name]) if name in self.softness else was)
            after[name] = parameter.clone() if name in self.softness else was
        return replace(self, before=after)

    @torch.no_grad()
    def consolidated(self, model, task, batches, objective):
        if self.before:
            return self
        softness = {}
        for name in self.modules:
            scored = scored_mask(model, name)
            scored.settled = scored.mask()
            if name in self.tuned and self.soft:
                softness[f"{name}.parametrizations.weight.original"] = (1 - scored.settled) * scored.rest
        return replace(self, softness=softness, before={n: p.clone() for n, p in _numbers(model)})


def _numbers(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    return chain(model.named_parameters(), model.named_buffers())
