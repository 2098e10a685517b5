"""Models of statsforecast: what they are run on, their limits, and what becomes of series they cannot be fitted to."""
import numpy as np
import pytest

from reprise.core import errors
from reprise.core.errors import InputError
from reprise.data.series.panel import Step
from reprise.data.series.protocols import m4, rolling
from reprise.forecasting.backtest import backtest
from reprise.forecasting.baselines import create_baseline, list_baselines
from reprise.forecasting.skipped import Skipped

NAMES = ("auto_arima", "auto_ets", "auto_theta", "exponential_smoothing")

models = pytest.importorskip("statsforecast.models")


@pytest.mark.parametrize("name", NAMES)
def test_beats_what_knows_no_season_and_covers(monthly, name):
    split = rolling(monthly, 6, windows=2)
    method = create_baseline(name).fit(split)
    found = backtest(method, split)
    assert method.replaced == [] and found.overall["MASE"] < 1.1
    assert found.overall["MASE"] < 0.8 * backtest(create_baseline("repeat_last").fit(split), split).overall["MASE"]
    assert 0.55 < found.coverage[0.8] <= 1


def test_forecasts_are_the_library_carried_forward(monthly):
    split = rolling(monthly, 6, windows=2)
    (found,) = create_baseline("auto_ets").fit(split).forecast(monthly.series[:1], [np.array([100])], 6)
    values = monthly.series[0].values
    model = models.AutoETS(season_length=12).fit(values[: split.train[0]])
    want = model.forward(values[:100], h=6, level=[80])
    np.testing.assert_allclose(found.point[0], want["mean"])
    np.testing.assert_allclose(found.quantiles[0][:, [0, 8]], np.stack([want["lo-80"], want["hi-80"]], 1))


def test_m4_is_fitted_anew_at_the_origin(panel):
    values = 50 + np.random.default_rng(0).normal(size=150).cumsum()
    split = m4(panel(values, step=Step(1, "W")))
    (found,) = create_baseline("auto_ets").fit(split).forecast(split.panel.series, split.test, 13)
    want = models.AutoETS(season_length=1).fit(values[:137]).predict(h=13)
    np.testing.assert_allclose(found.point[0], want["mean"])


def test_only_the_last_steps_are_fitted_to(panel):
    values = np.random.default_rng(0).normal(size=900)
    far = np.concatenate([values[:400] * 1e4, values[400:]])
    one, other = (create_baseline("auto_theta", {"longest": 100}).fit(split).forecast(
        split.panel.series, split.test, split.horizon)[0]
        for split in (rolling(panel(v), 6, windows=2) for v in (values, far)))
    np.testing.assert_allclose(one.point, other.point)


@pytest.mark.parametrize("name", NAMES)
def test_constant_and_short_series_repeat_their_last_value(panel, name):
    split = rolling(panel(np.full(60, 3.0), np.arange(9.0), np.r_[np.zeros(40), 1.0, np.zeros(19)]), 2, windows=1)
    method = create_baseline(name).fit(split)
    found = method.forecast(split.panel.series, split.test, 2)
    assert "s0" in method.replaced and found[0].point.tolist() == [[3.0, 3.0]]
    assert all(np.isfinite(f.quantiles).all() for f in found)


def test_what_takes_too_long_is_skipped_with_the_reason(monthly, monkeypatch):
    split = rolling(monthly, 6, windows=2)
    method = create_baseline("auto_ets", {"seconds": 1})
    clock = iter(range(0, 10**6, 2))
    monkeypatch.setattr("time.perf_counter", lambda: next(clock))
    with pytest.raises(Skipped, match=r"fitting would take about 6 s, and 1 are allowed \(1 of 3 done in 2 s\)"):
        method.fit(split)
    method.seconds = 10
    with pytest.raises(Skipped, match=r"forecasting from 6 origins would take about \d\d s, and 10 are allowed"):
        method.fit(split)


def test_a_limited_lookback_is_skipped(monthly):
    with pytest.raises(Skipped, match=r"carries its state from the start of a series, .* look at 24 steps"):
        create_baseline("auto_ets").fit(rolling(monthly, 6, windows=2, lookback=24))


def test_the_extra_is_named_where_it_is_missing(monthly, monkeypatch):
    def absent(module):
        raise ImportError(module)

    monkeypatch.setattr(errors.importlib, "import_module", absent)
    from reprise.forecasting.baselines.statistical.auto_ets import AutoETS

    with pytest.raises(InputError, match=r"needs statsforecast.* pip install 'reprise\[series\]'"):
        AutoETS().fit(rolling(monthly, 6, windows=2))


def test_all_are_on_one_shelf():
    assert set(NAMES) <= set(list_baselines())
