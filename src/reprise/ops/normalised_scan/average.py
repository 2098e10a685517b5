"""What a running average is, carried and read; and what a layer does with one besides reading it."""
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from reprise.core.marks import NO_MARKS, Marks

__all__ = ["Average", "Running", "average_of", "before", "include"]


class Running(NamedTuple):
    """Sums over what was seen, both over exp(maximum), which keeps them in range. Nothing seen: 0, 0, -inf."""

    numerator: Float[Tensor, "B *N"]
    denominator: Float[Tensor, "B *#N"]
    maximum: Float[Tensor, "B *#N"]


class Average(NamedTuple):
    """The mean of what was seen, and the logarithm of all its weights together. Nothing seen: 0, -inf."""

    mean: Float[Tensor, "..."]
    log_weight: Float[Tensor, "..."]


def average_of(state: Running) -> Average:
    """The same for every `maximum` that stands for the same sums. Where nothing was seen, no gradient arises."""
    seen = state.denominator > 0
    total = torch.where(seen, state.denominator, 1.0)
    mean = torch.where(seen, state.numerator / total, 0.0)
    return Average(mean, torch.where(seen, state.maximum + total.log(), -torch.inf))


def before(read: Average, state: Running, marks: Marks = NO_MARKS) -> Average:
    """What each step found before its own decay and write, from what `normalised_scan` read and began with."""
    found = (torch.cat([z[:, None], every[:, :-1]], 1) for z, every in zip(average_of(state), read, strict=True))
    mean, log_weight = (z[:, : read.mean.shape[1]] for z in found)
    return Average(marks.restart(mean, 0.0), marks.restart(log_weight, -torch.inf))


def include(average: Average, s: Float[Tensor, "..."], v: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """The mean with one more value, of weight exp(s), which is not stored: RWKV-4's current token, with s = u + k.

    o = (exp(log_weight) mean + exp(s) v) / (exp(log_weight) + exp(s))   (the wkv of Peng et al. 2023, arXiv:2305.13048)
    """
    return torch.lerp(average.mean, v, torch.sigmoid(s - average.log_weight).expand_as(v))
