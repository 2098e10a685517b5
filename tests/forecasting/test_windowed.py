"""A windowed module as a method: what it learns, what it may look at, and training it in slices."""
import math
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch
from torch import nn

from reprise.core.errors import InputError
from reprise.data.series.panel import Panel, Series, Step
from reprise.data.series.split import Split
from reprise.forecasting.backtest import backtest
from reprise.forecasting.training import Budget
from reprise.forecasting.window_loss import WindowLoss, next_patch
from reprise.forecasting.windowed import Windowed
from reprise.models.forecast.cyclenet import CycleNet, WindowMap
from reprise.models.forecast.patch_forecaster import rimer_lite
from reprise.models.forecast.wrappers.instance_norm import Normalised
from reprise.models.forecast.wrappers.quantiles import Quantiles
from reprise.training.optimisers import adamw
from reprise.training.run import Run

L, H = 12, 4


def series(name, values, late=0):
    T = len(values)
    times = np.datetime64("2020-01-01", "ns") + (late + np.arange(T)) * np.timedelta64(1, "h")
    return Series(name, times, values, np.ones(T, bool), np.zeros((T, 0)), np.zeros(0))


def waves(T=300, noise=0.0, seed=0):
    t, generator = np.arange(T), np.random.default_rng(seed)
    return Panel("waves", tuple(
        series(name, level + size * (np.sin(2 * np.pi * t / 12 + size) + noise * generator.normal(size=T)))
        for name, level, size in (("low", 1.0, 0.1), ("high", 500.0, 40.0), ("below", -3.0, 1.0))), Step(1, "h"), 24)


def split(panel, train=200, valid=220, lookback=None):
    N = len(panel)
    return Split(panel, "test", H, np.full(N, train), (np.arange(train, valid),) * N,
                 (np.arange(valid + H, len(panel.series[0]) - H + 1),) * N, lookback)


def linear(lookback, horizon, channels):
    return WindowMap(lookback, horizon)


def cyclic(lookback, horizon, channels):
    return CycleNet(lookback, horizon, channels, cycle=12)


def quantile(lookback, horizon, channels):
    return Normalised(Quantiles(WindowMap(lookback, horizon * 3), 3))


METHODS = {
    "linear": dict(build=linear), "cycle": dict(build=cyclic), "together": dict(build=cyclic, together=True),
    "quantiles": dict(build=quantile, loss="quantiles", levels=(0.1, 0.5, 0.9), scale="none"),
}


def method(kind="linear", **options):
    usual = {"lookback": L, "batch": 64, "rate": 1e-2, "budget": Budget(30, looks=2)}
    return Windowed(**(usual | METHODS[kind] | options))


def errors(found, asked):
    return [(forecast.point - np.stack([one.values[o : o + H] for o in asked.test[0]])) / one.values.std()
            for one, forecast in zip(asked.panel, found, strict=True)]


@pytest.mark.parametrize("kind", ["linear", "cycle", "together"])
def test_waves_of_any_size_are_forecast_in_their_own_units(kind):
    asked = split(waves())
    found = method(kind, budget=Budget(300, looks=4), rate=5e-2).fit(asked).forecast(asked.panel.series, asked.test, H)
    assert max(np.abs(e).max() for e in errors(found, asked)) < 0.05


@pytest.mark.parametrize("kind", METHODS)
class TestLaw:
    def test_the_future_is_not_looked_at(self, kind):
        asked = split(waves(noise=0.3))
        trained = method(kind).fit(asked)
        origins = (np.array([1, 5, 150, 250]),) * 3
        known = trained.forecast(asked.panel.series, origins, H)
        for i, o in enumerate(origins[0]):
            cut = [replace(s, values=np.where(np.arange(len(s)) < o, s.values, np.nan)) for s in asked.panel]
            for whole, alone in zip(known, trained.forecast(cut, (np.array([o]),) * 3, H), strict=True):
                np.testing.assert_allclose(alone.point[0], whole.point[i], rtol=1e-5)

    def test_nor_the_test_part_when_learning(self, kind):
        panel = waves(noise=0.3)
        hidden = replace(panel, series=tuple(
            replace(s, values=np.where(np.arange(len(s)) < 224, s.values, 1e9)) for s in panel))
        a, b = (method(kind).fit(split(p)).forecast(panel.series, (np.array([240]),) * 3, H) for p in (panel, hidden))
        assert all(np.array_equal(x.point, y.point) for x, y in zip(a, b, strict=True))

    def test_the_same_seed_is_the_same_forecast(self, kind):
        asked = split(waves(noise=0.3))
        a, b, c = (method(kind, seed=seed).fit(asked).forecast(asked.panel.series, asked.test, H)[1].point
                   for seed in (0, 0, 1))
        assert np.array_equal(a, b) and not np.array_equal(a, c)


def test_before_a_lookback_is_the_first_value():
    asked = split(waves(noise=0.3))
    trained = method().fit(asked)
    one = asked.panel.series[1]
    padded = series("high", np.concatenate([np.full(L - 3, one.values[0]), one.values]))
    early, = trained.forecast([one], [np.array([3])], H)
    late, = trained.forecast([padded], [np.array([L])], H)
    np.testing.assert_allclose(early.point, late.point, rtol=1e-6)


def test_the_phase_is_of_the_clock_not_of_the_row():
    """A part of a series that begins later is forecast as the whole series is."""
    asked = split(waves())
    trained = method("cycle", budget=Budget(100, looks=2)).fit(asked)
    whole, = trained.forecast(asked.panel.series[:1], [np.array([250])], H)
    later = series("low", asked.panel.series[0].values[217:], late=217)
    part, = trained.forecast([later], [np.array([33])], H)
    np.testing.assert_allclose(part.point, whole.point, rtol=1e-6)


def test_a_backtest_asks_together_what_is_forecast_together(monkeypatch):
    """In blocks of origins, of all series; the examples are forecasts of one series beside the others."""
    asked = split(waves(noise=0.3))
    trained = method("together").fit(asked)
    want = np.array([(e**2).mean() * s.values.std()**2 for e, s in zip(
        errors(trained.forecast(asked.panel.series, asked.test, H), asked), asked.panel, strict=True)])
    for numbers in (1, 1000, 2**22):
        monkeypatch.setattr("reprise.forecasting.backtest.NUMBERS", numbers)
        np.testing.assert_allclose((found := backtest(trained, asked)).by_series["MSE"], want, rtol=1e-4)
    last = trained.forecast(asked.panel.series, [o[-1:] for o in asked.test], H)
    for example in found.examples:
        np.testing.assert_allclose(example.point, last[found.series.index(example.series)].point[0], rtol=1e-5)
    fewer = replace(asked, test=(*asked.test[:2], asked.test[2][:-1]))
    with pytest.raises(InputError, match="have the same origins"):
        backtest(trained, fewer)


def test_quantiles_rise_and_cover():
    asked = split(waves(T=900, noise=1.0), train=700, valid=740)
    found = method("quantiles", budget=Budget(250, looks=4)).fit(asked).forecast(asked.panel.series, asked.test, H)
    for one, forecast in zip(asked.panel, found, strict=True):
        assert forecast.levels == (0.1, 0.5, 0.9) and (np.diff(forecast.quantiles, axis=-1) >= 0).all()
        assert np.array_equal(forecast.point, forecast.quantiles[..., 1])
        truth = np.stack([one.values[o : o + H] for o in asked.test[0]])
        covered = (truth[..., None] < forecast.quantiles).mean((0, 1))
        assert np.abs(covered - [0.1, 0.5, 0.9]).max() < 0.15


class Level(nn.Module):
    """Forecasts one number, and counts how often it was trained."""

    def __init__(self):
        super().__init__()
        self.level, self.updates = nn.Parameter(torch.zeros(())), 0

    def forward(self, x):
        self.updates += self.training
        return self.level.expand(len(x), H, x.shape[2])


@pytest.mark.parametrize(("patience", "updates"), [(None, 100), (2, 12)])
def test_the_best_weights_are_kept_and_patience_ends(patience, updates):
    """Training goes up, validation down: of looks at every fourth update, the first is the best."""
    values = np.concatenate([np.full(100, 2.0), np.full(40, -9.0)])
    asked, level = split(Panel("step", (series("step", values),), None, 1), train=100, valid=120), Level()
    Windowed(lambda *_: level, L, Budget(100, patience=patience), rate=0.1, scale="none").fit(asked)
    assert level.updates == updates and 0.35 < level.level.item() < 0.45


def test_in_slices_it_goes_on_bit_for_bit(tmp_path):
    asked, m = split(waves(noise=0.3)), method("cycle")

    def run():
        module = m.module(asked)
        return Run(module, m.batches(asked), adamw(module, 1e-2, 0.0), objective=m.objective(asked))

    whole, half, rest = run(), run(), run()
    list(islice(whole, 14))
    list(islice(half, 6))
    half.save(tmp_path / "half")
    rest.load(tmp_path / "half")
    list(islice(rest, 8))
    assert all(torch.equal(a, b) for a, b in zip(whole.model.parameters(), rest.model.parameters(), strict=True))
    told = m.finish(asked, rest.model).forecast(asked.panel.series, asked.test, H)
    assert math.isfinite(m.validate(asked, rest.model)) and told[0].point.shape == (len(asked.test[0]), H)


def test_a_budget_of_seconds_and_no_validation():
    asked = replace(split(waves()), valid=(np.array([], np.int64),) * 3)
    fitted = method(budget=Budget(seconds=0.3)).fit(asked)
    assert math.isnan(fitted.validate(asked, fitted.module(asked)))
    shorter = fitted.forecast(asked.panel.series, asked.test, 2)
    np.testing.assert_array_equal(shorter[0].point, fitted.forecast(asked.panel.series, asked.test, H)[0].point[:, :2])
    empty = fitted.forecast(asked.panel.series[:2], (asked.test[0], np.array([], np.int64)), H)
    assert empty[1].point.shape == (0, H)


def test_losses_by_hand():
    y, found = torch.tensor([[[2.0], [-1.0]]]), torch.tensor([[[1.0], [1.0]]])
    assert WindowLoss("mse").errors(found, y).sum() == 5 and WindowLoss("mae").errors(found, y).sum() == 3
    levels = WindowLoss("quantiles", (0.25, 0.5)).errors(torch.stack([found, found], -1), y)
    torch.testing.assert_close(levels[0, :, 0], torch.tensor([[0.5, 1.0], [3.0, 2.0]]))


def test_what_is_learned_may_be_the_next_patch():
    asked = split(waves(noise=0.3))
    m = method(build=lambda lookback, horizon, _: rimer_lite(lookback, horizon, 4, width=8), learns=next_patch)
    batch, module = next(m.batches(asked)), m.module(asked)
    whole = torch.cat([batch.x, batch.y], 1)
    scored = m.objective(asked)(module, batch)
    torch.testing.assert_close(scored.total, (module.following(whole) - whole[:, 4:]).square().sum())
    assert scored.count == 64 * 12 and m.fit(asked).validate(asked, m.fitted.module) < m.validate(asked, module)


OTHER = series("other", np.arange(30.0))


@pytest.mark.parametrize(("wrong", "message"), [
    (lambda s: method(scale="all"), "scale to be train or none, got 'all'"),
    (lambda s: method(loss="crps"), "no loss of windows is named 'crps'"),
    (lambda s: method(levels=(0.5, 0.1)), r"levels that rise from above 0 to below 1, got \(0.5, 0.1\)"),
    (lambda s: method().fit(replace(s, lookback=6)), "allows to look at the last 6 values, and this looks at 12"),
    (lambda s: method(build=quantile).fit(s), r"shape \(64, 4, 1\) from Normalised, got \(64, 4, 1, 3\)"),
    (lambda s: method().forecast(s.panel.series, s.test, H), "it has learnt nothing yet"),
    (lambda s: method().fit(s).forecast(s.panel.series, s.test, 5), "horizon of 1 to 4, for which it was trained"),
    (lambda s: method().fit(s).forecast(s.panel.series, (np.array([0]),) * 3, H), "nothing is known at 0"),
    (lambda s: method().fit(s).forecast([OTHER], [np.array([9])], H), "no series named 'other' was learnt from"),
    (lambda s: method("cycle", scale="none").fit(s).forecast([OTHER], [np.array([9])], H), "no series named 'other'"),
    (lambda s: method("together").fit(s).forecast(s.panel.series, [np.array([k]) for k in (9, 9, 8)], H),
     "forecast together have the same origins"),
    (lambda s: method("together").fit(s).forecast(s.panel.series[::-1], [np.array([9])] * 3, H),
     "all 3 in the order they were learnt in"),
    (lambda s: method("together").fit(s).forecast(s.panel.series[:2], [np.array([9])] * 2, H), "all 3 .* got 2"),
    (lambda s: method("together").fit(replace(s, train=np.array([200, 200, 150]))), "begin and end at the same times"),
])
def test_what_does_not_fit(wrong, message):
    with pytest.raises(InputError, match=message):
        wrong(split(waves()))


def test_an_unknown_series_is_forecast_where_nothing_must_be_known():
    found, = method("quantiles").fit(split(waves())).forecast([OTHER], [np.array([5, 20])], H)
    assert found.point.shape == (2, H) and np.isfinite(found.point).all()
