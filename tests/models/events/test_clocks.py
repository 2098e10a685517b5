"""Times to the next event: densities that sum to one, medians that halve them, and what they are by hand."""
import math

import numpy as np
import pytest
import torch
from scipy import stats

from reprise.core.errors import InputError
from reprise.models.events.clocks import Hazard, LogNormals, clock_of, create_clock, gap_scale_of

CLOCKS = [LogNormals(-1.0, 0.7, 3), Hazard([0.1, 0.4, 2.0], [3.0, 0.5, 1.0, 0.2])]


@pytest.mark.parametrize("clock", CLOCKS, ids=lambda clock: type(clock).__name__)
def test_mass_and_density_sum_to_one(clock):
    raw = torch.randn(3, 1, clock.size, dtype=torch.float64)
    gaps = torch.logspace(-9, 4, 200_001, dtype=torch.float64)
    density = (-clock.cost(raw, gaps.expand(3, -1))).exp()
    at_once = (-clock.cost(raw[:, 0], torch.zeros(3))).exp()
    torch.testing.assert_close(torch.trapezoid(density, gaps) + at_once, torch.ones(3).double(), rtol=1e-4, atol=0)


@pytest.mark.parametrize("clock", CLOCKS, ids=lambda clock: type(clock).__name__)
def test_half_the_mass_is_below_the_median(clock):
    raw = torch.randn(5, clock.size, dtype=torch.float64)
    raw[:, 0] = torch.tensor([-30.0, -1.0, -0.2, 0.0, 2.0])
    median = clock.median(raw)
    assert (median[3:] == 0).all()  # half of all gaps are 0 already
    for row in range(3):
        gaps = torch.logspace(-12, 0, 400_001, dtype=torch.float64) * median[row]
        below = torch.trapezoid((-clock.cost(raw[row], gaps)).exp(), gaps) + raw[row, 0].sigmoid()
        assert below.item() == pytest.approx(0.5, abs=1e-4)


def test_one_component_is_the_log_normal_distribution():
    clock, raw = LogNormals(0.3, 2.0, 1), torch.tensor([[-50.0, 0.0, 0.4, 0.2]], dtype=torch.float64)
    width = 2.0 * (0.05 + math.log1p(math.exp(0.2)))
    known = stats.lognorm(width, scale=math.exp(0.3 + 2.0 * 0.4))
    gap = torch.tensor([1.7], dtype=torch.float64)
    assert clock.cost(raw, gap).item() == pytest.approx(-known.logpdf(1.7))
    assert clock.median(raw).item() == pytest.approx(known.median())


def test_one_rate_is_the_exponential_distribution():
    clock, raw = Hazard([1.0], [2.0, 2.0]), torch.tensor([[-50.0, 0.5, 0.5]], dtype=torch.float64)
    rate = 2 * math.exp(0.5)
    for gap in (0.3, 1.0, 7.0):
        cost = clock.cost(raw, torch.tensor([gap], dtype=torch.float64)).item()
        assert cost == pytest.approx(rate * gap - math.log(rate))
    assert clock.median(raw).item() == pytest.approx(math.log(2) / rate)


@pytest.mark.parametrize("name", ["lognormal", "hazard"])
def test_clocks_of_gaps_begin_near_them(name):
    gaps = np.random.default_rng(0).exponential(3.0, 20_000)
    gaps[::10] = 0
    clock = create_clock(clock_of(name, gaps))
    raw = torch.zeros(1, clock.size, dtype=torch.float64)
    raw[:, 0] = -30
    assert clock.median(raw).item() == pytest.approx(3 * math.log(2), rel=0.05 if name == "hazard" else 0.5)


@pytest.mark.parametrize("gaps", [np.zeros(4), np.zeros(0), np.full(3, 2.0)])
@pytest.mark.parametrize("name", ["lognormal", "hazard"])
def test_gaps_that_say_little(name, gaps):
    clock = create_clock(clock_of(name, gaps))
    raw = torch.zeros(2, clock.size, requires_grad=True)
    cost = clock.cost(raw, torch.tensor([0.0, 2.0])).sum()
    cost.backward()
    assert cost.isfinite() and raw.grad.isfinite().all() and gap_scale_of(gaps)[1] == 1.0


@pytest.mark.parametrize(("wrong", "message"), [
    (lambda: Hazard([2.0, 1.0], [1.0, 1.0, 1.0]), "edges that rise from above 0"),
    (lambda: Hazard([1.0], [1.0]), "a rate above 0 for each stretch"),
    (lambda: LogNormals(0.0, 0.0), "a spread above 0, got 0.0 and 0.0"),
    (lambda: create_clock("hazard"), r"a clock as \(name, options\) with a name of lognormal, hazard, got 'hazard'"),
    (lambda: clock_of("cuckoo", np.ones(3)), "'lognormal' or 'hazard', got 'cuckoo'"),
])
def test_what_does_not_fit(wrong, message):
    with pytest.raises(InputError, match=message):
        wrong()
