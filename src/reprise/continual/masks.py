"""Masks on the weights of Linear maps, learned by scores: a subnetwork of whatever model has such maps."""
import math
from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils import parametrize

from reprise.core.errors import InputError

__all__ = ["ScoredMask", "masked", "scored_mask", "top_share"]


class _TopShare(torch.autograd.Function):
    """1 for the `count` largest scores that are not barred, else 0; the gradient passes straight to the scores."""

    @staticmethod
    def forward(ctx: Any, scores: Tensor, count: int, barred: Tensor | None) -> Tensor:
        free = scores if barred is None else scores.masked_fill(barred, -math.inf)
        mask = torch.zeros_like(scores)
        mask.view(-1)[free.flatten().topk(count).indices] = 1.0
        return mask if barred is None else mask.masked_fill(barred, 0.0)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple:
        return gradient, None, None


def top_share(scores: Float[Tensor, "..."], share: float, barred: Tensor | None = None) -> Float[Tensor, "..."]:
    """The mask of the largest scores, exactly round(share * all) of them (at least 1), or as many as are not barred.

    Backward, the mask's gradient is the scores' ("straight through").
    """
    return _TopShare.apply(scores, max(round(share * scores.numel()), 1), barred)


class ScoredMask(nn.Module):
    """What a weight w is multiplied with, as a parametrisation of torch: the largest |scores|, and the others' `rest`.

        m = top_share(|s|);   effective weight = w (m + (1 - m) rest)

    rest is 0 (a binary mask) or fixed numbers from 0 to 1 (a soft one). With g the effective weight's gradient, that of
    s is g w sign(s) (1 - rest).
    `settled`: a mask that is put in place of that of the scores, which learn no more.
    """

    def __init__(self, weight: Tensor, share: float, soft: bool = False, generator: torch.Generator | None = None):
        super().__init__()
        self.share = share
        device = weight.device if generator is None else generator.device
        scores = torch.empty_like(weight, device=device, requires_grad=False)
        nn.init.kaiming_uniform_(scores, a=math.sqrt(5), generator=generator)
        self.scores = nn.Parameter(scores.to(weight.device))
        drawn = torch.rand(weight.shape, generator=generator, device=device) if soft else torch.zeros(())
        self.register_buffer("rest", drawn.to(weight))
        self.register_buffer("barred", None)
        self.register_buffer("settled", None)

    def mask(self) -> Tensor:
        """Of ones and zeros."""
        return top_share(self.scores.abs(), self.share, self.barred) if self.settled is None else self.settled

    def forward(self, weight: Tensor) -> Tensor:
        mask = self.mask()
        return weight * (mask + (1 - mask) * self.rest) if self.rest.ndim else weight * mask

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        """What is barred and settled may be there or not: room is made for what was saved."""
        if f"{prefix}scores" in state_dict:
            for name in ("barred", "settled"):
                saved = state_dict.get(f"{prefix}{name}")
                setattr(self, name, None if saved is None else torch.empty_like(saved, device=self.scores.device))
        super()._load_from_state_dict(state_dict, prefix, *rest)


def masked(model: nn.Module, modules: Sequence[str], share: float, *, soft: bool = False,
           generator: torch.Generator | None = None) -> dict[str, ScoredMask]:
    """Puts masks on the weights of the named Linear maps, of any model, and gives them by these names.

    The weight itself is then `module.parametrizations.weight.original`. Optimisers are to be made after this.
    Raises InputError, before anything is changed, for a module that is no Linear, is masked already or named twice, and
    for a share that is not within 0 to 1.
    """
    if not 0 < share <= 1:
        raise InputError(f"masked: expected a share above 0, to 1, of each matrix, got {share}")
    known, found = dict(model.named_modules()), {}
    if len(set(modules)) < len(modules):
        raise InputError(f"masked: expected every module once, got {tuple(modules)}")
    for name in modules:
        if not isinstance(known.get(name), nn.Linear) or parametrize.is_parametrized(known[name], "weight"):
            linears = ", ".join(n for n, module in known.items() if isinstance(module, nn.Linear))
            raise InputError(f"masked: {name!r} is no Linear without a mask; the model's Linear maps: {linears}")
    for name in modules:
        found[name] = ScoredMask(known[name].weight, share, soft, generator)
        parametrize.register_parametrization(known[name], "weight", found[name])
    return found


def scored_mask(model: nn.Module, name: str) -> ScoredMask:
    """The mask on the weight of the named Linear map."""
    return model.get_submodule(f"{name}.parametrizations.weight")[0]
