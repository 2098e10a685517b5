"""How Newton's iteration is to run, and what it says of its answer."""
from dataclasses import dataclass
from typing import NamedTuple

import torch

from reprise.core.errors import InputError, check_counts, suggest

__all__ = ["Convergence", "Newton", "NotConverged"]

JACOBIANS = ("full", "diagonal", "elementwise")
OTHERWISE = ("loop", "raise")
ROUNDING = 16  # units in the last place: a residual below, that shrinks no more, is rounding


@dataclass(frozen=True)
class Newton:
    """What `newton_scan` does in every iteration, and when it stops.

    jacobian: "full" is DEER, with M^2 numbers a step for a memory of M; "diagonal" is quasi-DEER, which keeps the true
    diagonal (M products, M numbers a step); "elementwise" sums each column instead (one product, M numbers a step),
    which is the diagonal where a step mixes no two numbers of the memory, and Newton's iteration is then exact.
    tolerance: of the largest residual, relative to the largest number of the memory where that is above one; None goes
    on until rounding stops it.   limit: of iterations.   damping: k of scale-ELK, 0 to 1, which multiplies the
    Jacobians by 1 - k; 1 is Jacobi's iteration.   otherwise: what to do at the limit, "loop" (and warn) or "raise".
    """

    jacobian: str = "full"
    tolerance: float | None = None
    limit: int = 100
    damping: float = 0.0
    otherwise: str = "loop"

    def __post_init__(self):
        for name, value, known in (("jacobian", self.jacobian, JACOBIANS), ("otherwise", self.otherwise, OTHERWISE)):
            if value not in known:
                raise InputError(f"Newton: no {name} is named {value!r}{suggest(value, known)}")
        check_counts("Newton", limit=self.limit)
        if self.tolerance is not None and not self.tolerance > 0:
            raise InputError(f"Newton: expected a tolerance above 0, got {self.tolerance!r}; give None for rounding")
        if not 0 <= self.damping <= 1:
            raise InputError(f"Newton: expected damping from 0 to 1, got {self.damping!r}; 0 is Newton's own step")

    def met(self, residual: float, last: float, size: float, dtype: torch.dtype) -> bool:
        """Whether a residual will do, after that of the iteration before, for memories of this size and precision."""
        if self.tolerance is not None:
            return residual <= self.tolerance * max(1.0, size)
        unit = torch.finfo(dtype).eps * max(1.0, size)
        return residual <= unit or last / 2 < residual <= ROUNDING * unit


class Convergence(NamedTuple):
    """What Newton's iteration came to; where it did not converge, the answer is the loop's."""

    iterations: int  # linear systems solved
    residual: float  # the largest |h_t - f(p_t, h_{t-1})| over all steps
    converged: bool


class NotConverged(ArithmeticError):
    """Newton's iteration reached its limit, and was told to raise."""
