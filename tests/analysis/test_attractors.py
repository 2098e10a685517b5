"""Measures of attractors on cases whose numbers are known."""
import math

import pytest
import torch

from reprise.analysis.attractors import exponents, spectrum_distance, state_distance
from reprise.core.errors import InputError
from reprise.data.systems import SYSTEMS, orbit


def test_the_same_orbit_has_no_distance():
    x = torch.randn(3000, 3)
    assert state_distance(x, x) == 0 and spectrum_distance(x, x) < 1e-6
    assert state_distance(x.flip(0), x) == 0, "when it was there does not matter"


def test_divergence_of_a_known_histogram():
    """Three quarters below, one above, against half and half: and a little in every bin."""
    true, found = torch.tensor([0.0, 0.1, 0.2, 1.0])[:, None], torch.tensor([0.0, 0.0, 0.9, 0.9])[:, None]
    want = 0.75 * math.log(0.75 / 0.5) + 0.25 * math.log(0.25 / 0.5)
    assert state_distance(found, true, bins=2) == pytest.approx(want, abs=1e-4)


def test_what_leaves_the_space_is_in_no_bin():
    true = torch.rand(1000, 2, generator=torch.Generator().manual_seed(0))
    inside, gone, lost = true.clone(), true + 5, torch.full_like(true, math.nan)
    half = torch.cat([true[:500], gone[:500]])
    assert state_distance(half, true, bins=1) == pytest.approx(math.log(2), abs=1e-3)
    assert state_distance(inside, true) == 0
    assert state_distance(gone, true) == pytest.approx(state_distance(lost, true)) and state_distance(lost, true) > 10


def test_spectra_of_sines():
    t = torch.arange(4000.0)
    low, same, high = (torch.sin(rate * t + phase)[:, None] for rate, phase in ((0.1, 0.0), (0.1, 1.0), (1.0, 0.0)))
    assert spectrum_distance(same, low) < 0.02, "phase and scale are not in a spectrum"
    assert spectrum_distance(3 * low, low) < 1e-6
    assert spectrum_distance(high, low) > 0.95
    both = torch.cat([low, high], 1)
    swapped = spectrum_distance(torch.cat([low, low], 1), both)
    assert swapped == pytest.approx(spectrum_distance(low, high) / 2, abs=0.01), "the mean over dimensions"


def test_hellinger_distance_without_smoothing_is_the_plain_one():
    x, y = torch.randn(64, 1, dtype=torch.float64), torch.randn(64, 1, dtype=torch.float64)
    f, g = ((z - z.mean()).flatten() for z in (x, y))
    f, g = (torch.fft.rfft(z).abs() ** 2 for z in (f, g))
    want = (0.5 * ((f / f.sum()).sqrt() - (g / g.sum()).sqrt()).square().sum()).sqrt()
    assert spectrum_distance(x, y, smooth=0.05) == pytest.approx(float(want), abs=1e-6)


def test_orbits_that_diverge_have_no_spectrum():
    x = torch.randn(100, 2)
    assert spectrum_distance(x * math.inf, x) == spectrum_distance(x * 1e30, x) == 1.0


def test_exponents_of_a_constant_map_are_logs_of_its_eigenvalues():
    A = torch.tensor([[2.0, 1.0, 0.0], [0.0, 0.5, 3.0], [0.0, 0.0, -0.1]], dtype=torch.float64)
    found = exponents(A.expand(200, 3, 3), settle=100)
    torch.testing.assert_close(found, torch.tensor([2.0, 0.5, 0.1]).double().log(), rtol=0, atol=1e-6)


def test_exponents_of_lorenz63_by_its_own_jacobian():
    """0.906, 0 and -14.57; their sum is the divergence of the flow, which is the same everywhere."""
    every, flow = 0.01, SYSTEMS["lorenz63"].flow
    x = orbit("lorenz63", 20000, every=every)
    J = torch.func.vmap(torch.func.jacrev(lambda x: torch.stack([torch.as_tensor(v) for v in flow(x)])))(x)
    found = exponents(torch.linalg.matrix_exp(J * every), settle=500) / every
    assert found[0] == pytest.approx(0.906, abs=0.05) and abs(found[1]) < 0.1
    assert found.sum() == pytest.approx(-(10 + 1 + 8 / 3), abs=1e-6)


def test_exponents_come_largest_first():
    """Also where the frame stays on the axes it began with."""
    found = exponents(torch.diag(torch.tensor([0.5, 2.0])).expand(8, 2, 2))
    torch.testing.assert_close(found, torch.tensor([2.0, 0.5]).log())
    turn = torch.tensor([[0.0, -1.1, 0.0], [1.1, 0.0, 0.0], [0.0, 0.0, 3.0]])
    torch.testing.assert_close(exponents(turn.expand(8, 3, 3)), torch.tensor([3.0, 1.1, 1.1]).log())


def test_many_dimensions_have_more_bins_than_whole_numbers():
    """Two corners that differ in the last dimension alone, each visited half of the time, against one of them."""
    true = torch.zeros(100, 40)
    true[50:, -1] = 1
    assert state_distance(true.flip(0), true) == 0
    found = torch.zeros(100, 40)
    assert state_distance(found, true) > 1


def test_misfits_are_refused():
    x = torch.zeros(10, 2)
    with pytest.raises(InputError, match=r"got \(10, 2\) and \(10, 3\)"):
        state_distance(x, torch.zeros(10, 3))
    with pytest.raises(InputError, match="orbits of one shape"):
        spectrum_distance(x, torch.zeros(9, 2))
    with pytest.raises(InputError, match="settle below T"):
        exponents(torch.zeros(4, 2, 2), settle=4)
    with pytest.raises(InputError, match="the true orbit is not finite"):
        state_distance(x, torch.full((10, 2), math.nan))
