"""The running mean and deviation, against weighted sums written out."""
import pytest
import torch

from reprise.models.forecast.level import Level


@pytest.mark.parametrize("memory", [None, 10.0])
def test_weighted_mean_and_deviation(memory):
    torch.manual_seed(0)
    level, y = Level(memory), torch.randn(2, 30, 1).double() + 100
    keep = 1.0 if memory is None else 1 - 1 / memory
    m, s, _ = level(y, level.initial_state(2, 1, y))
    for t in (0, 1, 7, 29):
        weights = keep ** torch.arange(t, -1, -1).double()[:, None]
        mean = (weights * y[:, : t + 1]).sum(1) / weights.sum()
        squares = (weights * (y[:, : t + 1] - mean[:, None]).square()).sum(1)
        torch.testing.assert_close(m[:, t], mean, rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(s[:, t], ((squares + 1) / (weights.sum() + 1)).sqrt(), rtol=1e-9, atol=1e-9)


def test_a_constant_series_far_from_zero():
    """Squares around the mean, not squares minus the mean's: nothing cancels."""
    level, y = Level(50.0), torch.full((1, 1000, 1), 1e4)
    m, s, _ = level(y, level.initial_state(1, 1, y))
    torch.testing.assert_close(m, y)
    assert s[0, -1].item() == pytest.approx((1 / 51) ** 0.5, rel=0.05)
