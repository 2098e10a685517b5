"""Scores: by hand, against utilsforecast, and where they are not defined."""
import numpy as np
import pandas as pd
import pytest

from reprise.data.series import scores
from reprise.data.series.scores import LEVELS

Y = np.array([[1.0, 2.0, 4.0], [0.0, -2.0, 10.0]])
F = np.array([[2.0, 2.0, 1.0], [0.0, 2.0, 5.0]])


def test_points_by_hand():
    assert scores.mae(Y, F) == pytest.approx((1 + 0 + 3 + 0 + 4 + 5) / 6)
    assert scores.mse(Y, F) == pytest.approx((1 + 9 + 16 + 25) / 6)
    assert scores.rmse(Y, F) == pytest.approx((51 / 6) ** 0.5)
    assert scores.smape(Y, F) == pytest.approx((200 / 3 + 200 * 3 / 5 + 200 + 200 * 5 / 15) / 6)  # 0 and 0 is no error
    assert scores.nd(Y, F) == pytest.approx(13 / 19)
    assert scores.mase(Y, F, np.array([2.0, 3.0])) == pytest.approx((4 / 3 / 2 + 3 / 3) / 2)
    assert scores.owa(12.0, 3.0, 10.0, 4.0) == pytest.approx((1.2 + 0.75) / 2)


def test_quantiles_by_hand():
    y, q = np.array([3.0]), np.array([[1.0, 2.0, 5.0]])
    levels = (0.1, 0.5, 0.9)
    np.testing.assert_allclose(scores.quantile_loss(y, q, levels), [[2 * 0.1 * 2, 1.0, 2 * 0.1 * 2]])
    assert scores.crps(y, q, levels) == pytest.approx(1.8 / 3)
    assert scores.weighted_quantile_loss(y, q, levels) == pytest.approx(1.8 / 3 / 3)
    assert scores.coverage(y, q, levels) == {0.8: 1.0}
    assert scores.coverage(np.array([1.0, 5.5]), np.tile(q, (2, 1)), levels) == {0.8: 0.5}  # ends are within
    assert scores.central_levels(LEVELS) == {0.8: (0, 8), 0.6: (1, 7), 0.4: (2, 6), 0.2: (3, 5)}
    assert scores.central_levels((0.1, 0.5)) == {}


def test_many_levels_are_the_exact_crps():
    levels = (np.arange(1, 2000) / 2000).tolist()
    quantiles = np.tile(levels, (3, 1))  # of the uniform distribution, whose score is y^3/3 + (1 - y)^3/3 within it
    y = np.array([0.0, 0.3, 1.0])
    assert scores.crps(y, quantiles, levels) == pytest.approx(np.mean((y**3 + (1 - y) ** 3) / 3), abs=1e-3)


def test_seasonal_scale():
    assert scores.seasonal_scale(np.array([1.0, 2.0, 4.0, 3.0]), 2) == pytest.approx((3 + 1) / 2)
    assert scores.seasonal_scale(np.array([1.0, 2.0, 4.0]), 3) == pytest.approx(1.5)  # too short for a season
    assert scores.seasonal_scale(1e6 * np.sin(2 * np.pi * np.arange(99) / 12), 12) == 0  # to rounding
    assert scores.seasonal_scale(np.full(9, 7.0), 2) == 0 and np.isnan(scores.seasonal_scale(np.ones(1), 1))


def test_undefined_is_not_a_number_and_left_out():
    assert np.isnan(scores.nd(np.zeros(3), np.ones(3))) and np.isnan(scores.owa(1.0, 1.0, 0.0, 1.0))
    assert scores.mase(Y, F, np.array([2.0, 0.0])) == pytest.approx(4 / 3 / 2)
    assert np.isnan(scores.mase(Y, F, np.array([np.nan, 0.0])))
    assert np.isnan(scores.weighted_quantile_loss(np.zeros(1), np.ones((1, 1)), (0.5,)))


def test_single_precision_comes_out_in_double():
    y = np.full(10**6, 0.1, np.float32)
    assert scores.mae(y, np.zeros_like(y)) == pytest.approx(float(np.float32(0.1)), rel=1e-14)


def test_against_utilsforecast():
    losses = pytest.importorskip("utilsforecast.losses")
    random = np.random.default_rng(0)
    N, H, past = 4, 12, 60
    y, f, history = random.normal(5, 2, (N, H)), random.normal(5, 2, (N, H)), random.normal(5, 2, (N, past))
    quantiles = np.sort(random.normal(5, 2, (N, H, 9)), -1)
    names = [f"m-q-{i}" for i in range(9)]
    frame = pd.DataFrame({"unique_id": np.repeat(range(N), H), "ds": np.tile(range(H), N), "y": y.ravel(),
                          "m": f.ravel(), **dict(zip(names, quantiles.reshape(-1, 9).T, strict=True))})
    train = pd.DataFrame({"unique_id": np.repeat(range(N), past), "ds": np.tile(range(past), N), "y": history.ravel()})
    scale = np.array([scores.seasonal_scale(row, 7) for row in history])
    for ours, theirs in ((scores.mae, losses.mae), (scores.mse, losses.mse), (scores.rmse, losses.rmse)):
        assert [ours(a, b) for a, b in zip(y, f)] == pytest.approx(theirs(frame, ["m"])["m"].tolist())
    assert [scores.smape(a, b) for a, b in zip(y, f)] == pytest.approx((200 * losses.smape(frame, ["m"])["m"]).tolist())
    assert [scores.nd(a, b) for a, b in zip(y, f)] == pytest.approx(losses.nd(frame, ["m"])["m"].tolist())
    mase = losses.mase(frame, ["m"], seasonality=7, train_df=train)["m"]
    assert scores.mase(y, f, scale) == pytest.approx(mase.mean())
    theirs = losses.mqloss(frame, {"m": names}, quantiles=np.array(LEVELS))["m"]
    assert [scores.crps(a, q, LEVELS) / 2 for a, q in zip(y, quantiles)] == pytest.approx(theirs.tolist())
    crps = losses.scaled_crps(frame, {"m": names}, quantiles=np.array(LEVELS))["m"]
    assert [scores.weighted_quantile_loss(a, q, LEVELS) for a, q in zip(y, quantiles)] == pytest.approx(crps.tolist())
