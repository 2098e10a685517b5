"""Points in the unit square and what is right about them: hulls, triangulations, tours."""
from collections.abc import Callable
from itertools import combinations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from reprise.core.errors import InputError, need
from reprise.data.batches import IGNORED
from reprise.data.labelled import Labelled

__all__ = ["convex_hull", "delaunay", "is_simple", "polygon_area", "problems", "shortest_tour", "tour_length"]

END = 0  # after an answer; points count from 1
Points = Float[np.ndarray, "N 2"]
MOST = 12  # points of a tour that is solved exactly


def problems(
    solve: Callable[[Points], list[int]], count: int, sizes: tuple[int, int], generator: np.random.Generator
) -> Labelled:
    """`count` sets of points, of sizes drawn evenly from `sizes`, both ends included, with their answers.

    x (count N 2), padded with zeros; y, the points of the answer counted from 1, then 0, then IGNORED; lengths.
    """
    low, high = sizes
    lengths = generator.integers(low, high + 1, count)
    x = generator.random((count, high, 2)) * (np.arange(high) < lengths[:, None])[..., None]
    found = [solve(points[:n]) for points, n in zip(x, lengths, strict=True)]
    y = np.full((count, max(map(len, found)) + 1), IGNORED)
    for row, answer in zip(y, found, strict=True):
        row[: len(answer) + 1] = [*(place + 1 for place in answer), END]
    return Labelled(torch.from_numpy(x).float(), torch.from_numpy(y), torch.from_numpy(lengths))


def convex_hull(points: Points) -> list[int]:
    """The corners of the hull, anticlockwise from the one that comes first in `points`."""
    corners = need("scipy.spatial", "studies").ConvexHull(points).vertices.tolist()  # anticlockwise in the plane
    first = corners.index(min(corners))
    return corners[first:] + corners[:first]


def delaunay(points: Points) -> list[int]:
    """The triangles of the Delaunay triangulation, three places each in order; triangles by the centres of their
    inscribed circles, from left to right.
    """
    triangles = np.sort(need("scipy.spatial", "studies").Delaunay(points).simplices, 1)
    corners = points[triangles]  # (K 3 2)
    opposite = np.linalg.norm(np.roll(corners, -1, 1) - np.roll(corners, -2, 1), axis=-1)
    centres = (opposite[..., None] * corners).sum(1) / opposite.sum(1, keepdims=True)
    return triangles[np.lexsort((centres[:, 1], centres[:, 0]))].flatten().tolist()


def shortest_tour(points: Points) -> list[int]:
    """The shortest closed tour from the first point, in the direction whose second place is the lower; exact.

    Work grows as N^2 2^N (Held & Karp 1962). Raises InputError for more than twelve points.
    """
    N = len(points)
    if not 1 <= N <= MOST:
        raise InputError(f"shortest_tour: expected 1 to {MOST} points, which can be solved exactly, got {N}")
    if N < 4:
        return list(range(N))
    far = np.linalg.norm(points[:, None] - points, axis=-1)
    best = {(1 << last, last): (far[0, last], 0) for last in range(1, N)}
    for size in range(2, N):
        for group in combinations(range(1, N), size):
            bits = sum(1 << place for place in group)
            for last in group:
                rest = bits ^ (1 << last)
                best[bits, last] = min((best[rest, m][0] + far[m, last], m) for m in group if m != last)
    bits = (1 << N) - 2
    _, last = min((best[bits, m][0] + far[m, 0], m) for m in range(1, N))
    tour = []
    while last:
        tour.append(last)
        bits, last = bits ^ (1 << last), best[bits, last][1]
    return [0, *(tour if tour[0] < tour[-1] else tour[::-1])]


def tour_length(points: Float[Tensor, "N 2"], tour: list[int]) -> float:
    """Of the closed tour through these places."""
    there = points[tour]
    return float((there - there.roll(-1, 0)).norm(dim=-1).sum())


def polygon_area(points: Float[Tensor, "N 2"], corners: list[int]) -> float:
    """By the shoelace rule; of one that does not cross itself."""
    x, y = points[corners].double().unbind(-1)
    return abs(float((x * y.roll(-1) - x.roll(-1) * y).sum())) / 2


def is_simple(points: Float[Tensor, "N 2"], corners: list[int]) -> bool:
    """Whether these are three corners or more, no two alike, of a polygon whose sides do not cross.

    Sides that only touch, or lie on each other, as they may where three points are on one line, do not cross.
    """
    n = len(corners)
    if n < 3 or len(set(corners)) < n:
        return False
    there = points[corners].tolist()
    sides = [(there[i], there[(i + 1) % n]) for i in range(n)]
    return not any(_cross(*sides[i], *sides[j]) for i, j in combinations(range(n), 2) if (j - i) % n not in (1, n - 1))


def _cross(a: list[float], b: list[float], c: list[float], d: list[float]) -> bool:
    return _turn(a, b, c) * _turn(a, b, d) < 0 and _turn(c, d, a) * _turn(c, d, b) < 0


def _turn(a: list[float], b: list[float], c: list[float]) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
