"""The same recurrence, number after number of c: each is a scan over time, once those before it are known.

A c needs of those only their sum, sum_m q_m c_m, so a step costs O(N), and no matrix is ever held.
"""
import torch
from jaxtyping import Float
from torch import Tensor

from reprise.core.marks import Marks
from reprise.ops.linear_scan import linear_scan

__all__ = ["triangular_scan"]


def triangular_scan(
    x: Float[Tensor, "B T D"], half: Float[Tensor, "B T"], system: tuple, c: Float[Tensor, "B D N"], marks: Marks
) -> tuple[Float[Tensor, "B T D N"], Float[Tensor, "B D N"]]:
    half, before = half[..., None], 0.0  # before: the sum of q c so far, at this step and at the last
    numbers = []
    for p, q, a, B, c_n in zip(*(z.unbind() for z in system), c.unbind(-1), strict=True):
        room = 1 + a * half
        added = half * (2 * B * x - p * before) / room
        every, last = linear_scan(((1 - a * half) / room).expand_as(added), added, c_n, marks)
        numbers.append((every, last))
        before = before + q * (every + _a_step_before(every, c_n, marks))
    every, last = (torch.stack(z, -1) for z in zip(*numbers, strict=True))
    return every, last


def _a_step_before(every: Float[Tensor, "B T D"], start: Float[Tensor, "B D"], marks: Marks) -> Float[Tensor, "B T D"]:
    return marks.restart(torch.cat([start[:, None], every[:, :-1]], 1), 0.0)
