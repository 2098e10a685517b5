"""Shrink and perturb: all weights a little smaller and a little noisier, again and again."""
from dataclasses import dataclass

import torch

from reprise.continual.strategy import Strategy
from reprise.core.errors import InputError

__all__ = ["ShrinkAndPerturb"]


@dataclass(frozen=True, eq=False)
class ShrinkAndPerturb(Strategy):
    """w <- (1 - shrink) w + noise N(0, 1) for every trained parameter, after every update (or before every task but
    the first).

    Source: Ash & Adams 2020, arXiv:1910.08475, sec. 4 (ash2020warm), between tasks; after every update, Dohare et al.
    2023, arXiv:2306.13812, sec. 4 (dohare2023loss)
    """

    shrink: float
    noise: float
    between_tasks: bool = False
    generator: torch.Generator | None = None

    def __post_init__(self) -> None:
        if not (0 <= self.shrink <= 1 and self.noise >= 0):
            raise InputError("ShrinkAndPerturb: expected shrink from 0 to 1 and noise of 0 or more, "
                             f"got shrink={self.shrink}, noise={self.noise}")

    def begun(self, model, task):
        if self.between_tasks and task:
            self._apply(model)
        return self

    def updated(self, update):
        if not self.between_tasks:
            self._apply(update.model)
        return self

    @torch.no_grad()
    def _apply(self, model: torch.nn.Module) -> None:
        trained = [p for p in model.parameters() if p.requires_grad]
        noise = torch.randn(sum(p.numel() for p in trained), generator=self.generator, device=trained[0].device)
        for p, part in zip(trained, noise.split([p.numel() for p in trained]), strict=True):
            p.mul_(1 - self.shrink).add_(part.view_as(p), alpha=self.noise)
