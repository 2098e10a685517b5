"""From logits to the next token: temperature, top-k, top-p (nucleus), each row from its own generator."""
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from reprise.core.errors import InputError

__all__ = ["Sampler"]


@dataclass(frozen=True)
class Sampler:
    """How tokens are drawn. Temperature 0 takes the likeliest.

    top_k keeps the k likeliest tokens; top_p the fewest that hold this much probability (Holtzman et al. 2020,
    arXiv:1904.09751); both are applied after the temperature, top_k first.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float = 1.0

    def __post_init__(self):
        if not self.temperature >= 0:
            raise InputError(f"temperature: expected 0 (the likeliest token) or more, got {self.temperature}")
        if self.top_k is not None and self.top_k < 1:
            raise InputError(f"top_k: expected 1 or more tokens to choose from, got {self.top_k}; leave it out for all")
        if not 0 < self.top_p <= 1:
            raise InputError(f"top_p: expected a probability above 0, up to 1 (keep all), got {self.top_p}")

    def probabilities(self, logits: Float[Tensor, "B V"]) -> Float[Tensor, "B V"]:
        """What is drawn from, in float64 so that equal logits draw alike however they are batched."""
        logits = logits.double()
        highest = logits.amax(-1, keepdim=True)
        if not highest.isfinite().all():  # of a row with one NaN it is NaN
            row = int((~highest.isfinite()).flatten().nonzero()[0])
            raise InputError(f"Sampler: expected logits that are numbers (-inf rules a token out, but not all), got "
                             f"{highest[row].item()} in row {row}; look for weights that are not finite, or compute in "
                             "float32")
        if self.temperature == 0:
            return torch.nn.functional.one_hot(logits.argmax(-1), logits.shape[-1]).double()
        below = logits - highest  # before a temperature near zero makes them infinite
        ranked, order = (below / self.temperature).sort(dim=-1, descending=True, stable=True)
        p = ranked.softmax(-1)
        if self.top_k is not None:
            p = _only(torch.arange(p.shape[-1], device=p.device) < self.top_k, p)
        if self.top_p < 1:
            p = _only(p.cumsum(-1) - p < self.top_p, p)
        return torch.zeros_like(p).scatter(-1, order, p)

    def __call__(self, logits: Float[Tensor, "B V"], generators: Sequence[torch.Generator]) -> Int[Tensor, "B"]:
        """One token a row, drawn by inversion with one number of the row's own generator."""
        if len(generators) != len(logits):
            raise InputError(f"Sampler: expected a generator for each of {len(logits)} rows, got {len(generators)}")
        if not generators:
            return logits.new_zeros(0, dtype=torch.long)
        at = torch.stack([torch.rand((), generator=g, dtype=torch.float64) for g in generators])
        p = self.probabilities(logits)
        at = at.to(p.device)[:, None] * p.sum(-1, keepdim=True)
        drawn = (p.cumsum(-1) <= at).sum(-1)
        last = p.shape[-1] - 1 - (p.flip(-1) > 0).int().argmax(-1)  # rounding must not reach a token that was ruled out
        return torch.minimum(drawn, last)


def _only(kept: Bool[Tensor, "... V"], p: Float[Tensor, "B V"]) -> Float[Tensor, "B V"]:
    """The probabilities once all else is ruled out."""
    p = torch.where(kept, p, 0)
    return p / p.sum(-1, keepdim=True)
