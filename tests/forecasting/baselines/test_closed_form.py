"""Linear maps in closed form: exact cases, scales, the penalty, and the numbers that are published for ETTh1."""
import numpy as np
import pytest
import torch

from reprise.data.series.panel import Panel, Series, Step
from reprise.data.series.protocols import ett, rolling
from reprise.data.sets.ett import open_ett
from reprise.forecasting.backtest import backtest
from reprise.forecasting.baselines import create_baseline
from reprise.forecasting.skipped import Skipped


@pytest.mark.parametrize("name", ["ridge", "dlinear"])
def test_what_is_linear_is_learned_at_any_scale(panel, name):
    t = np.arange(400)
    waves = [np.sin(2 * np.pi * t / p) for p in (10, 7)]
    split = rolling(panel(*(a * w + 50 * a for a in (1e-3, 1, 1e6) for w in waves)), 12, windows=3)
    found = backtest(create_baseline(name).fit(split), split)
    assert max(found.by_series["MASE"]) < 0.01
    assert found.by_series["MAE"][4] / found.by_series["MAE"][0] == pytest.approx(1e9, rel=0.05)


def test_ridge_is_the_textbook_solution(panel):
    random = np.random.default_rng(0)
    split = rolling(panel(random.normal(size=80).cumsum(), season=1), 2, windows=2, lookback=5)
    method = create_baseline("ridge").fit(split)
    values, n = split.panel.series[0].values, split.train[0]
    scaled = values / values[:n].std()
    x = np.stack([scaled[o - 5 : o] for o in range(5, n - 1)])
    y = np.stack([scaled[o : o + 2] for o in range(5, n - 1)])
    m = x.mean(1, keepdims=True)
    W = np.linalg.solve((x - m).T @ (x - m) + method.penalty * np.eye(5), (x - m).T @ (y - m))
    window = values[35:40]
    want = (window - window.mean()) @ W + window.mean()
    (found,) = method.forecast(split.panel.series, [np.array([40])], 2)
    np.testing.assert_allclose(found.point[0], want, rtol=1e-8)


def test_the_penalty_is_chosen_on_validation(panel):
    random = np.random.default_rng(0)
    noise = rolling(panel(random.normal(size=120), season=1), 2, windows=10)
    assert create_baseline("ridge", {"lookback": 20}).fit(noise).penalty == 100
    clean = rolling(panel(np.sin(np.arange(400)), season=1), 2, windows=10)
    assert create_baseline("ridge", {"lookback": 20}).fit(clean).penalty == 0.01


def test_too_short_is_skipped_with_the_reason(panel):
    split = rolling(panel(np.arange(40.0)), 4, windows=2)
    with pytest.raises(Skipped, match="no training part has a window of 30 and 4 steps after it"):
        create_baseline("ridge", {"lookback": 30}).fit(split)
    with pytest.raises(Skipped, match="fitted for 4 steps ahead, and is asked for 5"):
        create_baseline("ridge").fit(split).forecast(split.panel.series, [np.array([20])], 5)


@pytest.fixture
def etth1(data_folder):
    found = open_ett("ETTh1")
    values, (T, _) = found.values.double().numpy(), found.values.shape
    hours = np.arange(T).astype("datetime64[h]").astype("datetime64[ns]")
    made = tuple(Series(name, hours, values[:, i].copy(), np.ones(T, bool), np.zeros((T, 0)), np.zeros(0))
                 for i, name in enumerate(found.names))
    return Panel("ETTh1", made, Step(1, "h"), 24)


def test_etth1_as_published(etth1):
    """The numbers of others and ours, to the third digit, 96 steps ahead; other horizons in one go take a minute."""
    split = ett(etth1, 96, 96)
    want = {"repeat_last": (1.294, 0.713), "training_mean": (1.110, 0.796), "seasonal_naive": (0.512, 0.433),
            "ridge": (0.383, 0.392)}
    for name, (mse, mae) in want.items():
        found = backtest(create_baseline(name).fit(split), split)
        assert found.origins == 7 * 2785
        assert (round(found.overall["MSE"], 3), round(found.overall["MAE"], 3)) == (mse, mae), name


@pytest.mark.slow
@pytest.mark.parametrize(("horizon", "repeat", "ridge"), [(192, 1.325, 0.434), (336, 1.330, 0.475),
                                                          (720, 1.335, 0.462)])
def test_etth1_further_ahead(etth1, horizon, repeat, ridge):
    split = ett(etth1, horizon, 96)
    for name, mse in (("repeat_last", repeat), ("ridge", ridge)):
        found = backtest(create_baseline(name).fit(split), split)
        assert found.overall["MSE"] == pytest.approx(mse, abs=0.0006), name


def test_dlinear_is_the_module(panel):
    split = rolling(panel(np.random.default_rng(0).normal(size=200), season=1), 3, windows=2, lookback=30)
    method = create_baseline("dlinear").fit(split)
    (found,) = method.forecast(split.panel.series, [np.array([100])], 3)
    values, n = split.panel.series[0].values, split.train[0]
    mean, deviation = values[:n].mean(), values[:n].std()
    x = torch.from_numpy((values[70:100] - mean) / deviation)[None, :, None]
    with torch.no_grad():
        np.testing.assert_allclose(found.point[0], method._model(x)[0, :, 0].numpy() * deviation + mean)
