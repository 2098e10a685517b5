"""No method reads the future: every baseline keeps the laws, every planted cheat breaks the one that names it."""
import copy

import numpy as np
import pytest

from reprise.data.series.protocols import rolling
from reprise.forecasting.backtest import backtest
from reprise.forecasting.baselines import create_baseline, list_baselines
from reprise.forecasting.baselines.repeat_last import RepeatLast
from reprise.forecasting.method import Forecast
from reprise.testing import forecast_laws
from reprise.testing.forecast_laws import check_method, checks

LIBRARY = ("auto_arima", "auto_ets", "auto_theta", "exponential_smoothing")


def baseline(name):
    if name not in LIBRARY:
        return create_baseline(name)
    pytest.importorskip("statsforecast")
    return create_baseline(name, {"longest": 60})


@pytest.mark.parametrize("check", checks(), ids=lambda check: check.__name__.removeprefix("check_"))
@pytest.mark.parametrize(("name", "lookback"), [
    *((name, None) for name in list_baselines()), *((name, 24) for name in list_baselines() if name not in LIBRARY)])
def test_law(monthly, name, lookback, check):
    check(baseline(name), rolling(monthly, 6, windows=3, lookback=lookback))


class Cheat(RepeatLast):
    """Repeats the last value, and adds a little of what it should not know."""

    equivariant = ()

    def point(self, series, origins, horizon):
        return super().point(series, origins, horizon) + 1e-3 * self.known(series, origins)[:, None]


class ReadsAhead(Cheat):
    def known(self, series, origins):
        return series.values[np.minimum(origins, len(series) - 1)]


class CountsWhatComes(Cheat):
    def known(self, series, origins):
        return len(series) - origins.astype(float)


class LearnsFromTheTest(Cheat):
    def learn(self, split):
        self.mean = {s.name: s.values.mean() for s in split.panel}

    def known(self, series, origins):
        return np.full(len(origins), self.mean[series.name])


class LooksAside(Cheat):
    def known(self, series, origins):
        return np.full(len(origins), series.values[origins - 1].mean())


class LooksTooFarBack(Cheat):
    def known(self, series, origins):
        return np.full(len(origins), series.values[0])


class Writes(Cheat):
    def known(self, series, origins):
        series.values[0] += 1
        return np.zeros(len(origins))


class ClaimsTooMuch(Cheat):
    equivariant = ("shift",)

    def known(self, series, origins):
        return series.values[origins - 1]


CHEATS = {ReadsAhead: "forecasts_never_read_the_future", CountsWhatComes: "forecasts_never_read_the_future",
          LearnsFromTheTest: "fitting_never_reads_the_test", LooksAside: "forecasts_of_many_are_those_of_one",
          LooksTooFarBack: "forecasts_keep_to_the_lookback", Writes: "series_are_not_written_to",
          ClaimsTooMuch: "forecasts_follow_what_they_claim"}


@pytest.mark.parametrize("cheat", CHEATS, ids=lambda cheat: cheat.__name__)
def test_a_planted_cheat_is_caught(monthly, cheat):
    split = rolling(monthly, 6, windows=3, lookback=24)
    law = getattr(forecast_laws, f"check_{CHEATS[cheat]}")
    with pytest.raises(AssertionError):
        law(cheat(), copy.deepcopy(split))
    with pytest.raises(AssertionError):
        check_method(cheat(), copy.deepcopy(split))
    check_method(RepeatLast(), split)


class Oracle:
    """Given its own future: perfect, and caught."""

    def fit(self, split):
        return self

    def forecast(self, series, origins, horizon):
        padded = [np.append(s.values, np.zeros(horizon)) for s in series]
        return [Forecast(np.stack([v[o : o + horizon] for o in places]))
                for v, places in zip(padded, origins, strict=True)]


def test_the_future_itself_is_perfect_and_caught(monthly):
    split = rolling(monthly, 6, windows=3)
    assert backtest(Oracle(), split).overall["MAE"] == 0
    with pytest.raises(AssertionError, match="the forecast from step 102 of 's0' depends on what comes after it"):
        check_method(Oracle(), split)


@pytest.mark.parametrize("name", list_baselines())
def test_noise_does_not_look_predictable(panel, name):
    """Nor does it beside itself shifted, where one series holds the other's future."""
    H, windows = 6, 20
    noise = 50 + np.random.default_rng(1).normal(size=600 + H)
    split = rolling(panel(noise[:-H], noise[H:]), H, windows=windows)
    mean, found = (backtest(method.fit(split), split) for method in (baseline("training_mean"), baseline(name)))
    skill = 1 - found.overall["MSE"] / mean.overall["MSE"]
    assert skill < 3 / np.sqrt(windows * H)  # a forecast that is off the mean by d gains 2 d e - d^2 at an error of e
    assert 1 - found.overall["CRPS"] / mean.overall["CRPS"] < 3 / np.sqrt(windows * H)
