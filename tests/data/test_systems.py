"""Chaotic systems: their equations where they are known, their orbits, and what is made of a series."""
import pytest
import torch

from reprise.core.errors import InputError
from reprise.data.systems import SYSTEMS, lorenz63, lorenz96, noisy, orbit, pieces, roessler, standardised


def test_fixed_points_of_the_flows_are_the_known_ones():
    root = (8 / 3 * 27) ** 0.5
    assert lorenz63((root, root, 27.0)) == pytest.approx([0, 0, 0], abs=1e-12)
    assert lorenz96([8.0] * 7) == [0.0] * 7
    a, b, c = 0.2, 0.2, 5.7
    u = (c - (c * c - 4 * a * b) ** 0.5) / 2
    assert roessler((u, -u / a, u / a)) == pytest.approx([0, 0, 0], abs=1e-12)


def test_lorenz96_is_a_ring_by_the_plain_sum():
    x = torch.randn(6, dtype=torch.float64)
    want = [(x[(i + 1) % 6] - x[(i - 2) % 6]) * x[(i - 1) % 6] - x[i] + 5 for i in range(6)]
    torch.testing.assert_close(torch.stack(lorenz96(x, forcing=5.0)), torch.stack(want))
    torch.testing.assert_close(torch.stack(lorenz96(x.roll(2))), torch.stack(lorenz96(x)).roll(2))


@pytest.mark.parametrize("name", SYSTEMS)
def test_an_orbit_follows_its_flow(name):
    x = orbit(name, 400, every=0.002, settle=5.0)
    slope = (x[2:] - x[:-2]) / 0.004
    flow = torch.stack(SYSTEMS[name].flow(x[1:-1].T)).T
    assert x.dtype == torch.float64 and x.shape == (400, len(SYSTEMS[name].start))
    assert (slope - flow).norm() < 1e-3 * flow.norm()


def test_seeds_begin_elsewhere_and_repeat():
    first, again, other = (orbit("roessler", 5, settle=0.0, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(first, again) and (first - other).abs().min() > 1e-3


def test_standard_series_noise_and_pieces():
    x = torch.randn(2000, 2, dtype=torch.float64) * torch.tensor([3.0, 0.1]) + 5
    z = standardised(x)
    torch.testing.assert_close(z.mean(0), torch.zeros(2, dtype=torch.float64))
    torch.testing.assert_close(z.std(0), torch.ones(2, dtype=torch.float64))
    torch.testing.assert_close((noisy(x, 0.5) - x).std(0) / x.std(0), torch.full((2,), 0.5).double(), rtol=0.1, atol=0)
    assert torch.equal(noisy(x, 0.5), noisy(x, 0.5)) and not torch.equal(noisy(x, 0.5, seed=1), noisy(x, 0.5))
    count = torch.arange(50.0)[:, None]
    batch = next(pieces(count, 300, 20))
    assert batch.x.shape == (300, 20, 1) and (batch.x.diff(dim=1) == 1).all()
    assert set(batch.x[:, 0, 0].tolist()) == {float(i) for i in range(31)}
    assert not torch.equal(next(pieces(count, 300, 20, seed=1)).x, batch.x)


def test_misfits_are_refused():
    with pytest.raises(InputError, match="did you mean 'lorenz63'"):
        orbit("lorenz_63", 10)
    with pytest.raises(InputError, match="every above 0"):
        orbit("lorenz63", 10, every=0.0)
    with pytest.raises(InputError, match="steps of 1 or more"):
        orbit("lorenz63", 0)
    with pytest.raises(InputError, match="series of 5 steps has no piece of 6"):
        next(pieces(torch.zeros(5, 1), 1, 6))
