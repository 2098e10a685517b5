"""Ways to be apart: zero for the same sample, in no units, and by hand."""
import math

import pytest
import torch

from reprise.training.alignment.discrepancies import DISCREPANCIES, mmd, moments, spread


def sample(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("name", DISCREPANCIES)
class TestEach:
    def test_zero_for_the_same_and_more_the_further(self, name):
        apart, x = DISCREPANCIES[name], sample(2, 20, 3)
        assert apart(x, x).abs().max() < 1e-12
        near, far = apart(x, x + 0.3), apart(x, x + 1)
        assert (near > 0).all() and (near < far).all()
        assert (apart(x, 0.3 * x) > 1e-3).all(), "also where means are the same"

    def test_pairs_are_alone(self, name):
        apart, x, y = DISCREPANCIES[name], sample(3, 20, 3), sample(3, 16, 3, seed=1) + 1
        torch.testing.assert_close(apart(x, y)[1:2], apart(x[1:2], y[1:2]), rtol=1e-3, atol=0)

    def test_a_sample_of_one_point_is_at_no_distance(self, name):
        x = torch.ones(1, 4, 2, requires_grad=True)
        found = DISCREPANCIES[name](x, torch.ones(1, 4, 2))
        assert found.item() == 0 and torch.autograd.grad(found.sum(), x)[0].isfinite().all()


def test_spread_is_the_mean_squared_distance():
    x, y = sample(1, 5, 2), sample(1, 7, 2, seed=1)
    both = torch.cat([x, y], 1)[0]
    assert spread(x, y).item() == pytest.approx(torch.cdist(both, both).square().mean().item())


def test_mmd_by_loops():
    x, y = sample(1, 4, 2), sample(1, 5, 2, seed=1) + 1
    kernel = lambda a, b: sum(math.exp(-(p - q).square().sum() / spread(x, y).item())  # noqa: E731
                              for p in a[0] for q in b[0]) / (a.shape[1] * b.shape[1])
    assert mmd(x, y).item() == pytest.approx(kernel(x, x) + kernel(y, y) - 2 * kernel(x, y))


def test_moments_are_those_of_normals():
    x, y = sample(1, 4000, 1), 2 * sample(1, 4000, 1, seed=1) + 3
    normals = [torch.distributions.Normal(s.mean(), s.std()) for s in (x, y)]
    both = torch.distributions.kl_divergence(*normals) + torch.distributions.kl_divergence(*normals[::-1])
    assert moments(x, y).item() == pytest.approx(both.item() / 2, rel=0.01)
