"""A complex diagonal recurrence between two matrices: what LRU shares with the rungs below it."""
import math

import torch
from jaxtyping import Complex, Float
from torch import Tensor, nn
from torch.nn.functional import linear

from reprise.bases.linear_recurrence import LinearRecurrence
from reprise.core.errors import InputError
from reprise.layers.linear._wide import wide

__all__ = ["ComplexDiagonal", "ring"]


class ComplexDiagonal(LinearRecurrence):
    """h_t = lambda h_{t-1} + B x_t;   y_t = Re(C h_t) + D x_t. B and C are kept as pairs of real numbers."""

    memory_precision = torch.complex64

    def start_maps(self, width: int, states: int) -> None:
        """Makes B, C and D, as Orvieto et al. start them."""
        self.B = nn.Parameter(torch.randn(states, 2, width) / math.sqrt(2 * width))
        self.C = nn.Parameter(torch.randn(width, states, 2) / math.sqrt(states))
        self.D = nn.Parameter(torch.randn(width))

    def enter(self, x: Float[Tensor, "B T D"], B: Float[Tensor, "N 2 D"]) -> Complex[Tensor, "B T N"]:
        """B x, where the memory is."""
        return torch.view_as_complex(wide(linear(x, B.to(x.dtype).flatten(0, 1))).unflatten(-1, (-1, 2)))

    def readout(self, h, x):
        real, imag = self.C.unbind(-1)
        C = torch.stack([real, -imag], -1).flatten(1)
        return linear(torch.view_as_real(h).flatten(2).to(x.dtype), C) + self.D * x


def ring(
    who: str, states: int, r_min: float, r_max: float, max_phase: float,
) -> tuple[Float[Tensor, "N"], Float[Tensor, "N"]]:
    """Squared moduli and phases of eigenvalues drawn evenly from a ring, or from a sector of it.

    Raises InputError, in the name of `who`, for what is no ring.
    """
    if not 0 <= r_min < r_max <= 1 or not 0 < max_phase < math.inf:
        raise InputError(f"{who}: r_min={r_min}, r_max={r_max}, max_phase={max_phase} is no ring; "
                         "give 0 <= r_min < r_max <= 1 and a max_phase above 0")
    area, turn = torch.empty(2, states).uniform_(1e-6, 1 - 1e-6)  # the ends would be log 0
    square = r_min**2 + area * (r_max**2 - r_min**2)
    return square.clamp(max=1 - torch.finfo(square.dtype).eps), max_phase * turn  # 1 would be rounding: log(1 - 1)
