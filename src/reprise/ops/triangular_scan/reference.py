"""(1 + half_t A) c_t = (1 - half_t A) c_{t-1} + 2 half_t B x_t, one step at a time."""
import torch
from jaxtyping import Float
from torch import Tensor

from reprise.core.marks import Marks
from reprise.ops.unroll import unroll

__all__ = ["advance", "triangular_scan"]


def advance(
    x: Float[Tensor, "B D"], half: Float[Tensor, "B"], system: tuple, c: Float[Tensor, "B D N"]
) -> Float[Tensor, "B D N"]:
    """c one step later, solved from the top; no matrix is held.

    s_n, the sum of q (c before + c after) above row n, is all that a row takes of others: a recurrence over n, by
    doubling.
    """
    p, q, a, B = system
    half = half[:, None, None]
    room, given = 1 + half * a, 2 * half * B * x[..., None]
    keep, s, span = 1 - half * p * q / room, q * (2 * c + given) / room, 1
    while span < len(a):
        s = s + keep * _down(s, span)
        keep, span = keep * _down(keep, span), 2 * span
    return ((1 - half * a) * c + given - half * p * _down(s, 1)) / room


def _down(z: Float[Tensor, "B D N"], rows: int) -> Float[Tensor, "B D N"]:
    return torch.cat([z.new_zeros(*z.shape[:-1], rows), z[..., :-rows]], -1)


def triangular_scan(
    x: Float[Tensor, "B T D"], half: Float[Tensor, "B T"], system: tuple, c: Float[Tensor, "B D N"], marks: Marks
) -> tuple[Float[Tensor, "B T D N"], Float[Tensor, "B D N"]]:
    def step(given: tuple[Tensor, Tensor], c: Tensor) -> Tensor:
        return advance(*given, system, c)

    return unroll(step, (x, half), c, marks, start=torch.zeros_like(c[:1]))
