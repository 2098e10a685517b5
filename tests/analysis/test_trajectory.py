"""Lengths of paths."""
import math

import pytest
import torch

from reprise.analysis.trajectory import circle, trajectory_length
from reprise.core.errors import InputError


def test_of_a_circle_it_is_the_circumference():
    path = circle(1000).double()
    torch.testing.assert_close(trajectory_length(path).item(), 2 * math.pi, atol=1e-2, rtol=0)
    turned = torch.linalg.qr(torch.randn(5, 5, dtype=torch.float64))[0][:2]
    in_five = 7 + 3 * path @ turned
    torch.testing.assert_close(trajectory_length(in_five), 3 * trajectory_length(path))


def test_components_are_those_of_most_variance():
    t = torch.linspace(0, 1, 50, dtype=torch.float64)
    path = torch.stack([torch.zeros_like(t), 10 * t, 0.1 * torch.sin(40 * t)], -1)[None]
    torch.testing.assert_close(trajectory_length(path, 1), torch.tensor([10.0], dtype=torch.float64), rtol=1e-3, atol=0)
    assert trajectory_length(path, 3) > trajectory_length(path, 1)
    torch.testing.assert_close(trajectory_length(path, 3), path.diff(dim=1).norm(dim=-1).sum(1))


def test_what_has_no_path():
    with pytest.raises(InputError, match="T of 2 or more and N of 2 or more, got"):
        trajectory_length(torch.zeros(1, 1, 4))
