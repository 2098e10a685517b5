"""Spirals in the plane whose speed depends on where they are, seen at irregular times."""
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from reprise.core.errors import InputError, check_counts

__all__ = ["Moves", "spirals"]

SUBSTEPS = 16  # between two events


class Moves(NamedTuple):
    """Where each row is, how long until it is seen next, and where it is then."""

    x: Float[Tensor, "B T 2"]
    elapsed: Float[Tensor, "B T"]
    y: Float[Tensor, "B T 2"]


def spirals(
    rows: int, steps: int, generator: torch.Generator, *, gap: float = 0.3, slow: float = 1.0, fast: float = 4.0,
    noise: float = 0.02,
) -> Moves:
    """Paths that shrink by a tenth a unit of time and turn, either way round, slowly on the right and fast on the left.

        z' = (-0.1 + i s w(z)) z;   w = slow where Re z > 0, else fast;   s = 1 or -1, of the row;   |z_0| in [0.5, 1.5]

    Times between events are exponential with mean `gap`, cut at four of it. x has noise, y has none.
    Raises InputError for sizes below 1 and a gap that is none.
    """
    check_counts("spirals", rows=rows, steps=steps)
    if not gap > 0 or noise < 0:
        raise InputError(f"spirals: expected a gap above 0 and a noise of 0 or more, got gap={gap}, noise={noise}")
    radius, angle, way = torch.rand(3, rows, generator=generator).double()
    z = torch.polar(0.5 + radius, 2 * torch.pi * angle)
    turn = torch.where(way < 0.5, -1.0, 1.0)
    elapsed = torch.empty(rows, steps).exponential_(1 / gap, generator=generator).clamp_max(4 * gap)
    path = [z]
    for length in elapsed.double().unbind(1):
        for _ in range(SUBSTEPS):
            speed = torch.where(z.real > 0, slow, fast) * turn
            z = z * torch.exp(torch.complex(torch.full_like(speed, -0.1), speed) * length / SUBSTEPS)
        path.append(z)
    points = torch.view_as_real(torch.stack(path, 1)).float()
    seen = points[:, :-1] + noise * torch.randn(rows, steps, 2, generator=generator)
    return Moves(seen, elapsed, points[:, 1:])
