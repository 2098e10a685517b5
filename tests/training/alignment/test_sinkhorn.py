"""The Sinkhorn divergence, against loops over points, exact cases, and the limits of much and of little blur."""
import math

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment

from reprise.core.errors import InputError
from reprise.training.alignment.sinkhorn import sinkhorn_divergence, transport_cost

TIGHT = {"steps": 500, "tolerance": 1e-12}


def sample(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def plain(x, y, epsilon, rounds=500):
    """Scaling the rows and columns of a kernel in turn, then the cost of the plan: no logarithms, no potentials."""
    cost = np.array([[sum((a - b) ** 2 for a, b in zip(p, q)) for q in y.tolist()] for p in x.tolist()])
    even = np.full(cost.shape, 1 / cost.size)
    kernel, u, v = even * np.exp(-cost / epsilon), np.ones(len(x)), np.ones(len(y))
    for _ in range(rounds):
        u = 1 / len(x) / (kernel @ v)
        v = 1 / len(y) / (kernel.T @ u)
    plan = u[:, None] * kernel * v
    return (plan * cost).sum() + epsilon * (plan * np.log(plan / even)).sum()


@pytest.mark.parametrize(("N", "M", "epsilon"), [(5, 7, 1.0), (6, 6, 0.5), (1, 4, 2.0), (3, 1, 0.3)])
def test_it_is_the_cost_of_the_best_plan(N, M, epsilon):
    x, y = sample(N, 2), sample(M, 2, seed=1) + 0.5
    cost = transport_cost(x, y, epsilon, **TIGHT)
    assert cost.item() == pytest.approx(plain(x, y, epsilon), rel=1e-7)
    both = plain(x, x, epsilon) + plain(y, y, epsilon)
    assert sinkhorn_divergence(x, y, epsilon, **TIGHT).item() == pytest.approx(
        plain(x, y, epsilon) - both / 2, rel=1e-6)


def test_zero_for_the_same_and_above_for_others():
    x = sample(20, 3)
    assert sinkhorn_divergence(x, x, 0.1).item() == 0
    assert sinkhorn_divergence(x, x[torch.randperm(20)], 1.0, **TIGHT).item() == pytest.approx(0, abs=1e-9)
    for other in (x + 0.1, 1.1 * x, sample(20, 3, seed=1)):
        there, back = (sinkhorn_divergence(*pair, 1.0, **TIGHT) for pair in ((x, other), (other, x)))
        assert there.item() > 1e-3
        torch.testing.assert_close(there, back, rtol=1e-3, atol=0)


def test_two_points():
    assert transport_cost(torch.zeros(1, 2), torch.tensor([[3.0, 4.0]]), 0.7).item() == pytest.approx(25, rel=1e-5)


@pytest.mark.parametrize("shift", [0.5, 3.0])
def test_a_shift_costs_its_square(shift):
    x = sample(16, 2)
    moved = x + torch.tensor([shift, 0.0])
    torch.testing.assert_close(sinkhorn_divergence(x, moved, 0.5, **TIGHT), torch.tensor(shift**2).double())


def test_little_blur_is_the_best_assignment_and_much_the_distance_of_the_means():
    x, y = sample(8, 2), sample(8, 2, seed=1)
    cost = torch.cdist(x, y).square().numpy()
    best = cost[linear_sum_assignment(cost)].mean()
    assert transport_cost(x, y, 1e-3, **TIGHT).item() == pytest.approx(best, rel=1e-2)
    means = (x.mean(0) - y.mean(0)).square().sum().item()
    assert sinkhorn_divergence(x, y, 1e4, **TIGHT).item() == pytest.approx(means, rel=1e-3)


@pytest.mark.parametrize("of", [transport_cost, sinkhorn_divergence])
def test_gradients_are_right(of):
    x, y = sample(4, 2).requires_grad_(), sample(5, 2, seed=1).requires_grad_()
    assert torch.autograd.gradcheck(lambda a, b: of(a, b, 3.0, **TIGHT), (x, y))
    assert torch.autograd.gradcheck(lambda a: of(a, a.square(), 3.0, **TIGHT), (x,))


def test_descending_it_carries_one_sample_over_to_the_other():
    x, y = sample(30, 2).requires_grad_(), 0.5 * sample(30, 2, seed=1) + 4
    for _ in range(60):
        gradient, = torch.autograd.grad(sinkhorn_divergence(x, y, 0.2), x)
        x = (x - 0.3 * len(x) * gradient).detach().requires_grad_()
    torch.testing.assert_close(x.mean(0), y.mean(0), rtol=0, atol=0.05)
    torch.testing.assert_close(x.std(0), y.std(0), rtol=0.1, atol=0.05)


def test_pairs_at_once_are_pairs_alone():
    x, y, epsilon = sample(3, 6, 2), sample(3, 4, 2, seed=1), torch.tensor([0.3, 1.0, 3.0])
    together = sinkhorn_divergence(x, y, epsilon, **TIGHT)
    alone = torch.stack([sinkhorn_divergence(a, b, e, **TIGHT) for a, b, e in zip(x, y, epsilon.tolist())])
    torch.testing.assert_close(together, alone)


def test_it_is_finite_where_a_kernel_would_be_zero():
    x, y = sample(6, 2).float().requires_grad_(), (sample(6, 2, seed=1) * 100).float()
    cost = sinkhorn_divergence(x, y, 0.01)
    assert math.isfinite(cost.item()) and torch.autograd.grad(cost, x)[0].isfinite().all()


@pytest.mark.parametrize(("x", "y", "epsilon", "message"), [
    (sample(3, 2), sample(3, 4), 1.0, r"got \(3, 2\) and \(3, 4\)"),
    (sample(0, 2), sample(3, 2), 1.0, "a point or more"),
    (sample(3, 2), sample(3, 2), 0.0, "an epsilon above 0, got 0"),
])
def test_what_does_not_fit(x, y, epsilon, message):
    with pytest.raises(InputError, match=message):
        transport_cost(x, y, epsilon)
