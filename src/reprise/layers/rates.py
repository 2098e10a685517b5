"""How a diagonal layer learns its rates of decay, which decides what it can stably learn to remember.

A memory that is learned as -rate itself, or as a decay itself, must come close to where it ceases to be stable in order
to remember for long, and there a small change of the weight changes a lot: Wang & Li's curse of memory. Forms of the
rate that a weight cannot push over that edge lift it.

Source   Wang & Li 2023, arXiv:2311.14495, sec. 3.2-3.4   (wang2023stablessm)
Differs  "best" is their continuous form, 1 / (a w^2 + b) with a = 1 and a small b, which each layer turns into a step
         in its own way; of their discrete form, 1 - 1 / (w^2 + 1/2), half the decays are negative
"""
from collections.abc import Callable
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from reprise.core.errors import InputError, suggest

__all__ = ["RATES", "Decaying", "Rate", "reparameterise"]

FASTEST = 20.0  # of "best": after one step at this rate, 2e-9 is left


class Rate(NamedTuple):
    """A rate as a function of a weight."""

    of: Callable[[Tensor], Tensor]
    weight: Callable[[Tensor], Tensor]  # one that gives this rate


RATES = {
    "exp": Rate(torch.exp, torch.log),
    "softplus": Rate(softplus, lambda rate: rate + torch.log(-torch.expm1(-rate))),
    "best": Rate(lambda w: 1 / (w * w + 1 / FASTEST), lambda rate: (1 / rate - 1 / FASTEST).clamp_min(1e-3).sqrt()),
    "direct": Rate(lambda w: w, lambda rate: rate),  # not stable below zero: for comparison
}


class Decaying(nn.Module):
    """A layer whose memory decays at rates that it learns: one of its parameters, seen through the form `rate`."""

    rate: str  # which of RATES
    rate_parameter: ClassVar[str]

    def start_rates(self, rates: Tensor, form: str) -> None:
        """Makes the parameter, so that the layer starts with these rates. Raises InputError for an unknown form."""
        if form not in RATES:
            raise InputError(f"{type(self).__name__}: no rate is named {form!r}{suggest(form, RATES)}")
        self.rate = form
        setattr(self, self.rate_parameter, nn.Parameter(RATES[form].weight(rates)))

    def rates(self) -> Tensor:
        """How fast each unit forgets, a step or a unit of time; above zero, and in float32 at least."""
        weight = getattr(self, self.rate_parameter)
        return RATES[self.rate].of(weight.to(torch.promote_types(weight.dtype, torch.float32)))


@torch.no_grad()
def reparameterise(module: nn.Module, form: str) -> int:
    """Every `Decaying` layer in `module` keeps its rates and learns them in another form; returns how many there are.

    `form` is one of RATES. The layers' options say so too, so that copies and files are built alike. Rates that
    "best" cannot have, above about 20, become the fastest it can. After it, optimisers hold weights of another meaning:
    make them anew. Raises InputError for an unknown form, and where there is no such layer.
    """
    layers = [one for one in module.modules() if isinstance(one, Decaying)]
    if form not in RATES:
        raise InputError(f"reparameterise: no rate is named {form!r}{suggest(form, RATES)}")
    if not layers:
        raise InputError(f"reparameterise: there is no layer with rates in {type(module).__name__}; give it one "
                         "such as lru, s4d, s5 or ffm")
    for layer in layers:
        weight = RATES[form].weight(layer.rates())
        getattr(layer, layer.rate_parameter).copy_(weight)
        layer.rate = layer.options["rate"] = form
    return len(layers)
