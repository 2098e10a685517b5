import math

import pytest
import torch

from reprise.core.errors import InputError
from reprise.data.waves import Curves, band_limited


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_band_limited_noise_has_variance_one_and_no_high_frequencies():
    x = band_limited(400, 512, cycles=8, generator=generator())
    assert x.shape == (400, 512)
    assert x.var().item() == pytest.approx(1, abs=0.1)
    power = (torch.hann_window(512) * x).to(torch.float64)
    power = torch.fft.rfft(power).abs().square().mean(0)
    assert power[:11].sum() > 0.999 * power.sum()
    assert torch.equal(x, band_limited(400, 512, 8, generator()))
    assert not torch.equal(x, band_limited(400, 512, 8, generator(1)))


def test_curves_of_one_class_are_its_mean_without_spread_and_noise():
    curves = Curves(classes=3, waves=2, spread=0.0, noise=0.0, seed=5)
    x, y, _ = curves.batch(20, 50, generator())
    assert x.shape == (20, 50, 2) and set(y.tolist()) == {0, 1, 2}
    for s in (0, 17, 49):
        time = (s + 0.5) / 50
        m = curves.means[y]
        want = m[..., 0] * math.sin(math.pi * time) + m[..., 1] * math.sin(2 * math.pi * time)
        torch.testing.assert_close(x[:, s], want)


def test_twice_the_samples_are_the_same_curve():
    curves = Curves(noise=0.0)
    fine, coarse = (curves.batch(4, samples, generator()) for samples in (200, 100))
    assert torch.equal(fine.y, coarse.y)
    between = (fine.x[:, ::2] + fine.x[:, 1::2]) / 2
    torch.testing.assert_close(between, coarse.x, atol=2e-3, rtol=0)


def test_batches_differ_and_repeat_with_their_seed():
    first, second = Curves().batches(4, 10, seed=1), Curves().batches(4, 10, seed=1)
    one, two = next(first), next(first)
    assert not torch.equal(one.x, two.x)
    assert torch.equal(one.x, next(second).x) and torch.equal(two.x, next(second).x)


@pytest.mark.parametrize(("call", "said"), [
    (lambda: band_limited(2, 10, 6, generator()), "up to half the length of 10, got 6"),
    (lambda: band_limited(2, 10, 0, generator()), "cycles above 0"),
    (lambda: band_limited(0, 10, 2, generator()), "rows"),
    (lambda: Curves(spread=-1.0), "0 or more, got -1.0"),
    (lambda: Curves(classes=0), "classes"),
    (lambda: Curves().batch(2, 0, generator()), "samples"),
])
def test_errors(call, said):
    with pytest.raises(InputError, match=said):
        call()
