"""Hulls, triangulations and tours, each checked by what defines it."""
from itertools import permutations

import numpy as np
import pytest
import torch

from reprise.core.errors import InputError
from reprise.data.batches import IGNORED
from reprise.data.geometry import (
    convex_hull,
    delaunay,
    is_simple,
    polygon_area,
    problems,
    shortest_tour,
    tour_length,
)


def points(n, seed=0):
    return np.random.default_rng(seed).random((n, 2))


def turn(a, b, c):
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


@pytest.mark.parametrize("seed", range(5))
def test_every_point_is_left_of_every_side_of_a_hull(seed):
    p = points(9, seed)
    hull = convex_hull(p)
    assert hull[0] == min(hull) and len(set(hull)) == len(hull) >= 3
    for a, b in zip(hull, hull[1:] + hull[:1], strict=True):
        assert all(turn(p[a], p[b], c) >= 0 for i, c in enumerate(p) if i not in (a, b))


@pytest.mark.parametrize("seed", range(3))
def test_no_point_is_in_the_circle_of_a_triangle(seed):
    p = points(8, seed)
    triangles = np.array(delaunay(p)).reshape(-1, 3)
    assert (np.diff(triangles) > 0).all()
    for a, b, c in triangles:
        A = 2 * np.array([p[b] - p[a], p[c] - p[a]])
        centre = np.linalg.solve(A, [p[b] @ p[b] - p[a] @ p[a], p[c] @ p[c] - p[a] @ p[a]])
        far = np.linalg.norm(p - centre, axis=1)
        assert (far >= far[a] - 1e-9).all()
    assert len(triangles) == 2 * 8 - 2 - len(convex_hull(p))  # Euler


@pytest.mark.parametrize("n", [1, 2, 3, 4, 6, 7])
def test_no_tour_is_shorter(n):
    p = torch.from_numpy(points(n, n))
    found = shortest_tour(p.numpy())
    assert found[0] == 0 and sorted(found) == list(range(n)) and (n < 4 or found[1] < found[-1])
    shortest = min(tour_length(p, [0, *rest]) for rest in permutations(range(1, n)))
    assert tour_length(p, found) == pytest.approx(shortest, rel=1e-12)
    with pytest.raises(InputError, match="1 to 12 points"):
        shortest_tour(points(13))


def test_area_and_crossing_sides():
    square = torch.tensor([[0.0, 0], [2, 0], [2, 2], [0, 2]])
    assert polygon_area(square, [0, 1, 2, 3]) == 4 == polygon_area(square, [3, 2, 1, 0])
    assert is_simple(square, [0, 1, 2, 3]) and not is_simple(square, [0, 2, 1, 3])
    flat = torch.tensor([[0.0, 0], [1, 0], [2, 0], [3, 0]])
    assert is_simple(flat, [0, 2, 1, 3]), "sides that lie on each other do not cross"
    assert not is_simple(square, [0, 1]) and not is_simple(square, [0, 1, 1, 2])


def test_problems_are_points_and_their_answers():
    made = problems(convex_hull, 50, (4, 7), np.random.default_rng(0))
    assert made.x.shape == (50, 7, 2) and set(made.lengths.tolist()) == {4, 5, 6, 7}
    for x, y, n in zip(made.x, made.y, made.lengths.tolist(), strict=True):
        assert not x[n:].any()
        said = y[y != IGNORED].tolist()
        assert said[-1] == 0 and [place - 1 for place in said[:-1]] == convex_hull(x[:n].double().numpy())
