"""Backtests: sums over batches are the scores of all, what is counted, what is shown, what is refused."""
from dataclasses import replace

import numpy as np
import pytest

from reprise.core.errors import InputError
from reprise.data.series import scores
from reprise.data.series.panel import Step
from reprise.data.series.protocols import m4, rolling
from reprise.data.series.scores import LEVELS
from reprise.forecasting import backtest as module
from reprise.forecasting.backtest import backtest
from reprise.forecasting.baselines import create_baseline
from reprise.forecasting.method import Forecast


class Told:
    """Forecasts that are made beforehand, by the name of a series and the origin."""

    def __init__(self, make):
        self.make, self.calls = make, []

    def fit(self, split):
        return self

    def forecast(self, series, origins, horizon):
        self.calls.append(sum(map(len, origins)))
        return [self.make(s, o, horizon) for s, o in zip(series, origins, strict=True)]


def noisy(series, origins, horizon):
    rows = [np.random.default_rng([int(o), len(series)]).normal(size=(horizon, 10)) for o in origins]
    made = series.values[origins - 1][:, None, None] + np.stack(rows)
    return Forecast(made[..., 0], np.sort(made[..., 1:], -1), LEVELS)


@pytest.mark.parametrize("numbers", [1, 500, 2**22])
def test_scores_are_those_of_all_forecasts_at_once(monthly, monkeypatch, numbers):
    monkeypatch.setattr(module, "NUMBERS", numbers)
    split = rolling(monthly, 6, windows=3, stride=4)
    method = Told(noisy)
    found = backtest(method, split)
    assert sum(method.calls[:-3]) == found.origins == 9 and len(method.calls) - 3 == {1: 9, 500: 2, 2**22: 1}[numbers]
    pairs = list(zip(split.panel, split.test, strict=True))
    y = [np.stack([s.values[o : o + 6] for o in places]) for s, places in pairs]
    forecasts = [noisy(s, places, 6) for s, places in pairs]
    scale = [scores.seasonal_scale(s.values[: places[0]], 12) for s, places in pairs]
    for name, function in (("MAE", scores.mae), ("MSE", scores.mse), ("sMAPE", scores.smape)):
        each = [function(a, f.point) for a, f in zip(y, forecasts, strict=True)]
        np.testing.assert_allclose(found.by_series[name], each)
        assert found.overall[name] == pytest.approx(np.mean(each))
        ahead = [np.mean([function(a[:, h], f.point[:, h]) for a, f in zip(y, forecasts, strict=True)])
                 for h in range(6)]
        np.testing.assert_allclose(found.by_horizon[name], ahead)
    assert found.overall["RMSE"] == pytest.approx(found.overall["MSE"] ** 0.5)
    np.testing.assert_allclose(found.by_series["MASE"], found.by_series["MAE"] / scale)
    every, point, quantiles = np.stack(y), np.stack([f.point for f in forecasts]), np.stack(
        [f.quantiles for f in forecasts])
    assert found.overall["ND"] == pytest.approx(scores.nd(every, point))
    assert found.overall["WQL"] == pytest.approx(scores.weighted_quantile_loss(every, quantiles, LEVELS))
    assert found.overall["CRPS"] == pytest.approx(scores.crps(every, quantiles, LEVELS))
    assert found.coverage == pytest.approx(scores.coverage(every, quantiles, LEVELS))
    np.testing.assert_allclose(found.calibration, (every[..., None] <= quantiles).mean((0, 1, 2)))


def test_truth_is_without_error_and_points_need_no_quantiles(monthly):
    split = rolling(monthly, 6, windows=2)
    found = backtest(Told(lambda s, o, H: Forecast(np.stack([s.values[i : i + H] for i in o]))), split, "valid")
    assert found.part == "valid" and found.overall["MAE"] == 0 and "WQL" not in found.overall
    assert found.levels == () and found.coverage == {} and found.examples[0].quantiles is None


def test_filled_values_do_not_count(monthly):
    series = monthly.series[0]
    values, seen = series.values.copy(), series.seen.copy()
    values[-3:], seen[-3:] = 1e9, False
    split = rolling(replace(monthly, series=(replace(series, values=values, seen=seen),)), 6, windows=2)
    method = create_baseline("repeat_last").fit(split)
    found = backtest(method, split)
    assert found.overall["MAE"] < 10 and np.isnan(found.by_horizon["MAE"]).sum() == 0


def test_examples_are_the_best_the_middle_and_the_worst(panel):
    t = np.arange(100)
    random = np.random.default_rng(0)
    season = np.sin(2 * np.pi * t / 12)
    split = rolling(panel(*(season + part * random.normal(size=100) for part in (1.5, 0.01, 0.1))), 6)
    found = backtest(create_baseline("training_mean").fit(split), split)
    order = np.argsort(found.by_series["MASE"])
    assert [e.rank for e in found.examples] == ["best", "median", "worst"]
    assert [e.series for e in found.examples] == [found.series[i] for i in order]
    best = found.examples[0]
    values = split.panel[best.series].values
    assert best.origin == 94 and best.truth.tolist() == values[94:].tolist()
    assert best.history.tolist() == values[70:94].tolist() and best.quantiles.shape == (6, 9)


def test_constant_series_have_no_mase_and_it_is_said(panel):
    split = rolling(panel(np.ones(60), np.arange(60.0)), 4, windows=2)
    found = backtest(create_baseline("repeat_last").fit(split), split)
    assert np.isnan(found.by_series["MASE"][0]) and found.overall["MASE"] == found.by_series["MASE"][1]
    assert found.notes == ("1 of 2 series repeat themselves before the first origin and have no MASE: s0",)
    assert [(e.series, e.rank) for e in found.examples] == [("s1", "best")]


def test_what_is_refused(monthly):
    split = rolling(monthly, 6, windows=2)
    with pytest.raises(InputError, match="expected finite forecasts, got one of 's0' from step 108"):
        backtest(Told(lambda s, o, H: Forecast(np.full((len(o), H), np.nan))), split)
    with pytest.raises(InputError, match=r"shape \(2, 6\) for 's0'.* got \(2, 5\)"):
        backtest(Told(lambda s, o, H: Forecast(np.zeros((len(o), H - 1)))), split)
    with pytest.raises(InputError, match="expected the part valid or test, got 'train'"):
        backtest(create_baseline("repeat_last").fit(split), split, "train")
    none = replace(split, test=tuple(o[:0] for o in split.test))
    with pytest.raises(InputError, match="the rolling protocol gave none"):
        backtest(create_baseline("repeat_last").fit(split), none)


def test_m4_is_measured_against_naive2(panel):
    random = np.random.default_rng(0)
    split = m4(panel(*(50 + random.normal(size=n).cumsum() for n in (200, 90)), step=Step(1, "W")))
    naive = backtest(create_baseline("naive2").fit(split), split)
    other = backtest(create_baseline("training_mean").fit(split), split)
    assert naive.overall["OWA"] == pytest.approx(1)
    assert other.overall["OWA"] == pytest.approx((other.overall["sMAPE"] / naive.overall["sMAPE"]
                                                  + other.overall["MASE"] / naive.overall["MASE"]) / 2)
