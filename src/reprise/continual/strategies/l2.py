"""L2 regularisation, towards zero or towards where the weights began."""
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from reprise.continual.strategy import Strategy
from reprise.core.errors import InputError

__all__ = ["L2"]


@dataclass(frozen=True, eq=False)
class L2(Strategy):
    """strength * sum (w - w_0)^2 over every trained parameter; w_0 is zero, or the first weights.

    Source: towards zero, Dohare et al. 2023, arXiv:2306.13812, sec. 4 (dohare2023loss); `from_start`, towards the first
    weights, Kumar et al. 2023, arXiv:2308.11958, eq. 1 (kumar2023maintaining)
    Raises InputError, from its start, for a trained parameter that `begun` has not seen.
    """

    strength: float
    from_start: bool = False
    first: dict[str, Tensor] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if not self.strength >= 0:
            raise InputError(f"L2: expected a strength of 0 or more, got {self.strength}")

    def begun(self, model, task):
        if not self.from_start or self.first:
            return self
        return replace(self, first={name: p.detach().clone() for name, p in model.named_parameters()})

    def penalty(self, model, batch):
        trained = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
        if self.from_start and (unknown := [name for name, _ in trained if name not in self.first]):
            raise InputError(f"L2: the first weights of {unknown[0]!r} are unknown; call begun(model, 0) before "
                             "training, on the model as it is trained")
        away = [p.flatten() - self.first[name].flatten() if name in self.first else p.flatten() for name, p in trained]
        return self.strength * torch.cat(away).square().sum()
