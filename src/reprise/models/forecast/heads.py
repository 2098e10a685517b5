"""What a forecast is: one number, quantiles, or a Student-t distribution; each with its cost and what can be read off.

A head turns raw numbers (... E) into parameters in the units of the series, relative to its level m and deviation s.
"""
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Protocol

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from reprise.core.errors import InputError, need, suggest
from reprise.data.series.scores import LEVELS

__all__ = ["Head", "Point", "Quantiles", "StudentT", "check_levels", "create_head", "pinball"]

LEAST = 1e-4  # of a scale, in deviations of the series
COSTS = {"squared": F.mse_loss, "absolute": F.l1_loss, "huber": F.smooth_l1_loss}


class Head(Protocol):
    """E raw numbers a forecast."""

    size: int

    def parameters_of(self, raw: Tensor, m: Tensor, s: Tensor) -> Tensor:
        """(... E) raw -> (... E) in the units of the series; m and s (...) are its level and deviation."""

    def cost(self, parameters: Float[Tensor, "... E"], y: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """What each forecast costs, once y is known; training makes its mean small."""

    def point(self, parameters: Float[Tensor, "... E"]) -> Float[Tensor, "..."]:
        """The one number to name where one is asked for."""

    def quantiles(self, parameters: Float[Tensor, "... E"], levels: Sequence[float]) -> Float[Tensor, "... Q"] | None:
        """None where the head says nothing of them."""


class Point:
    """One number. cost: "squared" (the mean is best), "absolute" (the median) or "huber", absolute far away."""

    size = 1

    def __init__(self, cost: str = "squared"):
        if cost not in COSTS:
            raise InputError(f"Point: no cost is named {cost!r}{suggest(cost, COSTS)}")
        self.cost_name = cost

    def parameters_of(self, raw, m, s):
        return raw * s[..., None] + m[..., None]

    def cost(self, parameters, y):
        return COSTS[self.cost_name](parameters[..., 0], y, reduction="none")

    def point(self, parameters):
        return parameters[..., 0]

    def quantiles(self, parameters, levels):
        return None


class Quantiles:
    """Quantiles at rising levels that cannot cross: the middle one, and distances from it outward.

    Source   the cost of each is Koenker & Bassett's 1978 (koenker1978regression)
    """

    def __init__(self, levels: Sequence[float] = LEVELS):
        levels = tuple(levels)
        check_levels("Quantiles", levels)
        self.levels, self.size = levels, len(levels)
        self.middle = min(range(self.size), key=lambda i: abs(levels[i] - 0.5))

    def parameters_of(self, raw, m, s):
        middle, i = raw[..., self.middle, None], self.middle
        sums = raw.new_ones(self.size, self.size)  # of the distances on the way outward
        above = middle + F.softplus(raw[..., i + 1:]) @ sums[i + 1:, i + 1:].triu()
        below = middle - F.softplus(raw[..., :i]) @ sums[:i, :i].tril()
        return torch.cat([below, middle, above], -1) * s[..., None] + m[..., None]

    def cost(self, parameters, y):
        return pinball(parameters, y, self.levels).mean(-1)

    def point(self, parameters):
        return parameters[..., self.middle]

    def quantiles(self, parameters, levels):
        """Those between two that were learned lie on the line between them; beyond the outermost nothing is known."""
        if min(levels) < self.levels[0] or max(levels) > self.levels[-1]:
            raise InputError(f"quantiles: expected levels from {self.levels[0]} to {self.levels[-1]}, which were "
                             f"learned, got {tuple(levels)}; train with wider ones")
        right = torch.searchsorted(torch.tensor(self.levels, dtype=torch.float64),
                                   torch.tensor(levels, dtype=torch.float64)).to(parameters.device)
        left = (right - 1).clamp_min(0)
        known = parameters.new_tensor(self.levels)
        gap = (known[right] - known[left]).clamp_min(1e-12)
        share = ((parameters.new_tensor(levels) - known[left]) / gap).clamp(0, 1)
        share = torch.where(right == left, 1.0, share)
        return parameters[..., left] * (1 - share) + parameters[..., right] * share


class StudentT:
    """Location, scale and degrees of freedom, which are above 2, so that the variance is finite.

    Source   as in DeepAR's libraries for real-valued series: Salinas et al. 2020, arXiv:1704.04110 (salinas2020deepar)
    """

    size = 3

    def parameters_of(self, raw, m, s):
        location, scale, freedom = raw.unbind(-1)
        scale = (F.softplus(scale) + LEAST) * s
        return torch.stack([location * s + m, scale, 2 + F.softplus(freedom)], -1)

    def cost(self, parameters, y):
        location, scale, freedom = parameters.unbind(-1)
        return -torch.distributions.StudentT(freedom, location, scale, validate_args=False).log_prob(y)

    def point(self, parameters):
        return parameters[..., 0]

    def quantiles(self, parameters, levels):
        """Needs scipy (extra `series`)."""
        special = need("scipy.special", "series")
        location, scale, freedom = (z[..., None] for z in parameters.unbind(-1))
        standard = special.stdtrit(freedom.double().cpu().numpy(), levels)
        return location + scale * torch.from_numpy(standard).to(scale)


def pinball(quantiles: Float[Tensor, "... Q"], y: Float[Tensor, "..."], levels: Sequence[float]
            ) -> Float[Tensor, "... Q"]:
    """2 max(q (y - f), (q - 1) (y - f)) of the quantile f at each level q, which at 0.5 is the absolute error."""
    over, level = y[..., None] - quantiles, quantiles.new_tensor(levels)
    return 2 * torch.maximum(level * over, (level - 1) * over)


def check_levels(who: str, levels: Sequence[float]) -> None:
    """Raises InputError for levels that do not rise from above 0 to below 1, and for none."""
    if not levels or any(not low < high for low, high in pairwise((0.0, *levels, 1.0))):
        raise InputError(f"{who}: expected levels that rise from above 0 to below 1, got {levels}; try (0.1, 0.5, 0.9)")


def create_head(spec: Any) -> Head:
    """"point", "quantiles" or "student_t", or with options, as in ("quantiles", {"levels": [0.1, 0.5, 0.9]})."""
    kinds = {"point": Point, "quantiles": Quantiles, "student_t": StudentT}
    match spec:
        case str() as name:
            options = {}
        case [str() as name, dict() as options]:
            pass
        case _:
            raise InputError(f"head: expected a name, or (name, options), got {spec!r}; known: {', '.join(kinds)}")
    if name not in kinds:
        raise InputError(f"no head is named {name!r}{suggest(name, kinds)}")
    try:
        return kinds[name](**options)
    except TypeError as error:
        raise InputError(f"head {name!r}: {str(error).replace('__init__() ', '')}") from error
