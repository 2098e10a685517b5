"""Baselines of a line each, by hand; and the quantiles that their errors give them."""
from dataclasses import replace

import numpy as np
import pytest

from reprise.core.errors import InputError
from reprise.data.series.protocols import rolling
from reprise.data.series.scores import LEVELS
from reprise.forecasting.baselines import create_baseline, list_baselines
from reprise.forecasting.skipped import Skipped


def forecast(name, split, origins, horizon=None, options=None):
    """Points of the first series."""
    method = create_baseline(name, options).fit(split)
    (found,) = method.forecast(split.panel.series[:1], [np.array(origins)], horizon or split.horizon)
    return found.point


def test_by_hand(panel):
    values = np.arange(60.0) ** 2
    split = rolling(panel(values, season=4), 3, windows=2)
    assert split.train.tolist() == [48]
    assert forecast("repeat_last", split, [10, 50]).tolist() == [[81.0] * 3, [49.0**2] * 3]
    assert forecast("training_mean", split, [10, 50]) == pytest.approx(values[:48].mean() * np.ones((2, 3)))
    np.testing.assert_allclose(forecast("drift", split, [11], 2), [[100 + 10, 100 + 20]])
    assert forecast("seasonal_naive", split, [12], 6).tolist() == [[64, 81, 100, 121, 64, 81]]
    assert forecast("window_mean", split, [12], 1, {"window": 2}).tolist() == [[(100 + 121) / 2]]
    assert forecast("window_mean", split, [12], 1).tolist() == [[values[8:12].mean()]]


def test_lookback_is_kept(panel):
    values = np.arange(60.0) ** 2
    split = rolling(panel(values, season=4), 3, windows=2, lookback=3)
    np.testing.assert_allclose(forecast("drift", split, [11], 2), [[100 + 18, 100 + 36]])  # from 64 on
    assert forecast("window_mean", split, [12], 1).tolist() == [[values[9:12].mean()]]
    with pytest.raises(Skipped, match="a season is 4 steps, and the protocol lets a forecast look at 3"):
        create_baseline("seasonal_naive").fit(split)


def test_quantiles_are_of_training_errors_by_horizon(panel):
    random = np.random.default_rng(0)
    values = np.cumsum(random.normal(size=9000))
    values[8600:] *= 1000  # what comes after training plays no part
    split = rolling(panel(values, season=1), 16, windows=8)
    method = create_baseline("repeat_last").fit(split)
    (found,) = method.forecast(split.panel.series, [np.array([100])], 20)
    assert found.levels == LEVELS and found.quantiles.shape == (1, 20, 9)
    width = (found.quantiles[0, :, 8] - found.quantiles[0, :, 0]) / 2 / 1.2816
    np.testing.assert_allclose(width[:16], np.sqrt(np.arange(1, 17)), rtol=0.15)  # a random walk
    assert (width[16:] == width[15]).all()  # further than it was fitted for


def test_a_short_training_part_lends_errors_of_nearer_steps(panel):
    split = rolling(panel([1.0, 2, 1, 2, 1, 2, 1, 2], season=4), 2, windows=1)
    method = create_baseline("seasonal_naive").fit(split)  # of 4 steps, a season, there is no error
    (found,) = method.forecast(split.panel.series, [np.array([6])], 2)
    assert (found.quantiles == found.point[..., None]).all()


def test_naive2_takes_the_season_out(panel):
    index = np.array([0.8, 1.0, 1.2, 1.0])
    trend = np.linspace(100, 140, 60)
    split = rolling(panel(trend * np.tile(index, 15), season=4), 4, windows=1)
    got = forecast("naive2", split, [56])[0]
    np.testing.assert_allclose(got, trend[55] * index, rtol=2e-3)
    flat = np.random.default_rng(0).normal(50, 1, 60)  # no season to be seen: repeats the last value
    assert forecast("naive2", rolling(panel(flat, season=4), 4, windows=1), [56])[0].tolist() == [flat[55]] * 4
    below = trend * np.tile(index, 15) - 200  # nor can it be a factor
    assert forecast("naive2", rolling(panel(below, season=4), 4, windows=1), [56])[0].tolist() == [below[55]] * 4


def test_by_name(monthly):
    assert {"training_mean", "repeat_last", "seasonal_naive", "drift", "window_mean", "ridge", "dlinear", "naive2",
            "exponential_smoothing", "auto_ets", "auto_arima", "auto_theta"} == set(list_baselines())
    with pytest.raises(InputError, match="no baseline is named 'seasonal'; did you mean 'seasonal_naive'"):
        create_baseline("seasonal")
    method = create_baseline("repeat_last").fit(rolling(monthly))
    with pytest.raises(InputError, match="expected a series it was fitted to, got 'other'"):
        method.forecast([replace(monthly.series[0], name="other")], [np.array([9])], 2)
