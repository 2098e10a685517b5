"""When the next event comes: distributions of the time to it, from what a model says at each step.

Each has a mass of its own at 0, for events at the same time are common in logs, and a density above. What it costs is
-log of the mass, or of the density for the unit in which gaps are given: nats that may be compared between models, and
may be negative.
"""
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor
from torch.nn import functional as F

from reprise.core.errors import InputError, check_counts

__all__ = ["Clock", "Hazard", "LogNormals", "clock_of", "create_clock", "gap_scale_of"]

NARROWEST = 0.05  # deviation of a component, as a share of that of all gaps: a clock's ticks are not to be learnt
HALVINGS = 40  # of the interval in which a median lies
STRETCHES = 16  # of a hazard, if not said otherwise
APART = 1.1  # the least ratio of two edges that follow each other, for the same reason


class Clock(ABC):
    """`size` numbers `raw` a step say it; the first of them is the logit of a gap of 0."""

    size: int

    def cost(self, raw: Float[Tensor, "... P"], gaps: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """Nats of each gap."""
        raw = raw.to(torch.promote_types(raw.dtype, torch.float32))
        positive = gaps > 0
        beyond = -self.log_density(raw[..., 1:], torch.where(positive, gaps, 1.0))
        return torch.where(positive, F.softplus(raw[..., 0]) + beyond, F.softplus(-raw[..., 0]))

    def median(self, raw: Float[Tensor, "... P"]) -> Float[Tensor, "..."]:
        """The gap that is as likely exceeded as not: what has the least absolute error."""
        raw = raw.to(torch.promote_types(raw.dtype, torch.float32))
        at_once = raw[..., 0].sigmoid()
        rest = ((0.5 - at_once) / (1 - at_once)).clamp(0, 0.5)
        return torch.where(at_once >= 0.5, 0.0, self.quantile(raw[..., 1:], rest.clamp_min(1e-6)))

    @abstractmethod
    def log_density(self, raw: Float[Tensor, "... P"], gaps: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """Of gaps above 0, given that they are."""

    @abstractmethod
    def quantile(self, raw: Float[Tensor, "... P"], share: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """The gap below which that share of the gaps above 0 lies."""


class LogNormals(Clock):
    """A mixture of log-normals: log(gap) = mean + spread z, and z from a mixture of Gaussians.

    mean, spread: of the logarithms of the gaps above 0, in training.
    Source   Shchur et al. 2020, arXiv:1909.12127   (shchur2020intensityfree)
    Differs  components are at least a twentieth as wide as all gaps, so that no tick of a clock has unbounded density
    """

    def __init__(self, mean: float = 0.0, spread: float = 1.0, components: int = 8):
        check_counts("LogNormals", components=components)
        if not (math.isfinite(mean) and math.isfinite(spread) and spread > 0):
            raise InputError(f"LogNormals: expected a mean and a spread above 0, got {mean} and {spread}")
        self.mean, self.spread, self.size = mean, spread, 1 + 3 * components

    def log_density(self, raw, gaps):
        weights, centres, widths = self._mixture(raw)
        z = ((gaps.log() - self.mean) / self.spread)[..., None]
        normal = -0.5 * ((z - centres) / widths).square() - widths.log() - 0.5 * math.log(2 * math.pi)
        return (weights + normal).logsumexp(-1) - math.log(self.spread) - gaps.log()

    def quantile(self, raw, share):
        weights, centres, widths = self._mixture(raw)
        low, high = (centres - 8 * widths).amin(-1), (centres + 8 * widths).amax(-1)
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            below = (weights.exp() * torch.special.ndtr((middle[..., None] - centres) / widths)).sum(-1) < share
            low, high = torch.where(below, middle, low), torch.where(below, high, middle)
        return (self.mean + self.spread * (low + high) / 2).exp()

    def _mixture(self, raw: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logarithms of the weights; centres and deviations of z. Centres begin spread out, so that they differ."""
        weights, centres, widths = raw.chunk(3, -1)
        apart = torch.linspace(-1.5, 1.5, centres.shape[-1] + 2, dtype=raw.dtype, device=raw.device)[1:-1]
        return weights.log_softmax(-1), centres + apart, NARROWEST + F.softplus(widths)


class Hazard(Clock):
    """A rate of events that is constant between edges: its integral, and so the likelihood, is exact.

    edges: rising, above 0; the last rate goes on for ever.   rates: events a unit of time in each of the K stretches
    between 0, the edges and for ever: what raw = 0 means, best those of training.
    Source   piecewise exponential model, Friedman 1982, Annals of Statistics 10   (friedman1982piecewise)
    """

    def __init__(self, edges: Sequence[float], rates: Sequence[float]):
        rising = all(low < high for low, high in zip([0.0, *edges], edges, strict=False))
        if not (rising and len(rates) == len(edges) + 1 and min(rates) > 0 and all(map(math.isfinite, rates))):
            raise InputError(f"Hazard: expected edges that rise from above 0, and a rate above 0 for each stretch "
                             f"between them and beyond, got {list(edges)} and {list(rates)}")
        self.edges, self.rates, self.size = list(edges), list(rates), 1 + len(rates)

    def log_density(self, raw, gaps):
        lows, widths, logs = self._stretches(raw)
        spent = (gaps[..., None] - lows).clamp_min(0).minimum(widths)
        here = torch.bucketize(gaps.detach(), lows[1:].contiguous(), right=True)
        rate = logs.expand(*here.shape, -1).gather(-1, here[..., None])[..., 0]
        return rate - (logs.exp() * spent).sum(-1)

    def quantile(self, raw, share):
        lows, widths, logs = self._stretches(raw)
        rates, goal = logs.exp(), -torch.log1p(-share)[..., None]
        whole = (rates[..., :-1] * widths[:-1]).cumsum(-1)
        before = F.pad(whole, (1, 0))  # the integral up to where each stretch begins
        here = (before <= goal).sum(-1, keepdim=True) - 1
        more = (goal - before.gather(-1, here)) / rates.gather(-1, here)
        return (lows[here] + more)[..., 0]

    def _stretches(self, raw: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Where each begins, how long it is, and the logarithm of its rate."""
        lows = raw.new_tensor([0.0, *self.edges])
        widths = raw.new_tensor([*(high - low for low, high in zip([0.0, *self.edges], self.edges, strict=False)),
                                 math.inf])
        return lows, widths, raw + raw.new_tensor(self.rates).log()


def create_clock(spec: Sequence) -> Clock:
    """From a name and its options: ("lognormal", {...}) or ("hazard", {...}). Raises InputError for what is neither."""
    kinds = {"lognormal": LogNormals, "hazard": Hazard}
    match spec:
        case [str() as name, dict() as options] if name in kinds:
            return kinds[name](**options)
    raise InputError(f"expected a clock as (name, options) with a name of {', '.join(kinds)}, got {spec!r}")


def gap_scale_of(gaps: Float64[np.ndarray, " N"]) -> tuple[float, float]:
    """Mean and deviation of the logarithms of the gaps above 0; (0, 1) where there is none."""
    logs = np.log(gaps[gaps > 0])
    return (float(logs.mean()), float(logs.std()) or 1.0) if len(logs) else (0.0, 1.0)


def _apart(edges: Float64[np.ndarray, " N"]) -> Float64[np.ndarray, " M"]:
    kept = [edges[0]]
    for edge in edges[1:]:
        if edge > APART * kept[-1]:
            kept.append(edge)
    return np.array(kept)


def clock_of(name: str, gaps: Float64[np.ndarray, " N"], parts: int | None = None) -> tuple[str, dict]:
    """How a clock is to be built for gaps such as those of training: what `create_clock` reads, plain values.

    parts: components of "lognormal", or stretches of "hazard", which then have about as many gaps each.
    Raises InputError for another name.
    """
    if name == "lognormal":
        mean, spread = gap_scale_of(gaps)
        return name, {"mean": mean, "spread": spread, "components": parts or 8}
    if name != "hazard":
        raise InputError(f"expected the clock to be 'lognormal' or 'hazard', got {name!r}")
    above = gaps[gaps > 0]
    shares = np.linspace(0, 1, (parts or STRETCHES) + 1)[1:-1]
    edges = _apart(np.quantile(above, shares)) if len(above) else np.ones(1)
    lows, highs = np.append(0.0, edges), np.append(edges, np.inf)
    spent = np.array([np.minimum(np.clip(above - low, 0, None), high - low).sum()
                      for low, high in zip(lows, highs, strict=True)])
    within = np.histogram(above, np.append(lows, np.inf))[0]
    rates = (within + 1) / (spent + (above.mean() if len(above) else 1.0))  # one event more, in the time of one
    return name, {"edges": edges.tolist(), "rates": rates.tolist()}
