"""A recurrent model as a method: what it may read, what it is told beside the values, how it is asked and trained."""
import math
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch

from reprise.core.errors import InputError
from reprise.data.series.panel import Panel, Series, Step
from reprise.data.series.protocols import rolling, whole
from reprise.forecasting.backtest import backtest
from reprise.forecasting.recurrent import reading
from reprise.forecasting.recurrent.carried import Carried
from reprise.forecasting.training import Budget
from reprise.testing.forecast_laws import check_method
from reprise.training.optimisers import adamw
from reprise.training.run import Run

H = 4


def made(*lengths, known=0, static=0, ahead=0):
    """Hourly series of other levels that end where they like, with covariates that reach `ahead` steps further."""
    random = np.random.default_rng(3)
    found = []
    for i, T in enumerate(lengths):
        t = np.arange(T)
        values = 10.0**i * (5 + np.sin(2 * np.pi * t / 12) + 0.1 * random.normal(size=T))
        times = np.datetime64("2024-01-01", "ns") + t * np.timedelta64(1, "h")
        found.append(Series(f"s{i}", times, values, np.ones(T, bool), random.normal(size=(T + ahead, known)),
                            random.normal(size=static)))
    return Panel("made", tuple(found), Step(1, "h"), 12, tuple("kn"[:known]), tuple("st"[:static]))


class Exact(Carried):
    """Forecasts in float64: laws are kept to 1e-7."""

    def finish(self, split, model):
        return super().finish(split, model.double())


def method(**options):
    own = {name: options.pop(name) for name in ("together", "stretch", "seed") if name in options}
    return Exact("gru", Budget(steps=4, looks=2), batch=16, options={"width": 8, "segment": 3} | options, **own)


@pytest.mark.parametrize("lookback", [None, 10])
@pytest.mark.parametrize(("told", "options"), [
    ({}, {}), ({"known": 2, "static": 1}, {}), ({"known": 1}, {"head": "point", "horizon": 3})],
    ids=["values alone", "covariates", "beyond its horizon"])
def test_laws(lookback, told, options):
    check_method(method(**options), rolling(made(60, 80, 9, **told), H, windows=3, lookback=lookback))


@pytest.mark.parametrize("lookback", [None, 10])
def test_together(monkeypatch, lookback):
    """All are asked at once, whole or in blocks of origins; no forecast reads what comes after it of any series."""
    panel = made(70, 70, 70, known=1)
    panel = replace(panel, series=tuple(replace(one, known=panel.series[0].known) for one in panel))
    split = rolling(panel, H, windows=4, lookback=lookback)
    fitted = method(together=True).fit(split)
    want = backtest(fitted, split)
    monkeypatch.setattr("reprise.forecasting.backtest.NUMBERS", 1)
    np.testing.assert_allclose(backtest(fitted, split).by_series["MSE"], want.by_series["MSE"], rtol=1e-9)
    assert [len(example.point) for example in want.examples] == [H] * 3
    origin, known = split.test[0][1], fitted.forecast(split.panel.series, split.test, H)
    cut = [replace(s, values=np.where(np.arange(70) < origin, s.values, np.nan)) for s in panel]
    for whole_one, alone in zip(known, fitted.forecast(cut, [np.array([origin])] * 3, H), strict=True):
        np.testing.assert_allclose(alone.quantiles[0], whole_one.quantiles[1], rtol=1e-9)
    best = next(example for example in want.examples if example.rank == "best")
    np.testing.assert_allclose(best.point, known[panel.series.index(panel[best.series])].point[-1])


@pytest.mark.parametrize("lookback", [None, 10])
def test_validation_is_the_backtest_of_what_is_validated(lookback):
    """The mean squared error in deviations, of series with as many origins each."""
    split = rolling(made(60, 80, known=1, static=2), H, windows=3, lookback=lookback)
    fitted = method(head="point").fit(split)
    scored = backtest(fitted, split, "valid").by_series["MSE"] / fitted.fitted.scales.deviations**2
    assert fitted.validate(split, fitted.fitted.model) == pytest.approx(scored.mean(), rel=1e-9)


def test_a_lookback_is_asked_as_by_hand():
    """An answer at the end of each window, and one of fewer steps where there are no more."""
    panel = made(60, known=1)
    fitted = method(head="point").fit(rolling(panel, H, windows=2, lookback=10))
    found, = fitted.forecast(panel.series, [np.array([4, 30])], H)
    model, scales, one = fitted.fitted.model, fitted.fitted.scales, panel.series[0]
    for row, (first, origin) in enumerate(((0, 4), (20, 30))):
        y, known = torch.from_numpy(scales.scaled(one)), torch.from_numpy(one.known)
        with torch.no_grad():
            by_hand = model(y[None, first:origin, None], known=known[None, first : origin + H])[0][0, -1, :, 0, 0]
        np.testing.assert_allclose(found.point[row], scales.back("s0", by_hand.numpy()), rtol=1e-9)


@pytest.mark.parametrize("lookback", [None, 10])
def test_covariates_reach_as_far_as_is_asked(lookback):
    """And no further: a step is forecast as though they went on, and what is not needed does not have to be there."""
    panel = made(60, known=1, ahead=2 * H)
    ended = replace(panel, series=tuple(replace(s, known=s.known[:60]) for s in panel))
    fitted = method(head="point").fit(rolling(panel, H, windows=2, lookback=lookback))
    for origin, horizon in ((59, 1), (58, 2), (55, 5)):
        more, less = (fitted.forecast(p.series, [np.array([origin])], horizon)[0].point for p in (panel, ended))
        np.testing.assert_allclose(less, more, rtol=1e-12)
        with pytest.raises(InputError, match=f"known 60 steps far, and a forecast needs them to step {60 + 1}"):
            fitted.forecast(ended.series, [np.array([origin + 1])], horizon)


def test_short_series_beside_long_ones():
    """Shorter than the horizon, a segment and a stretch: learned from where they can be, asked from any origin."""
    panel = made(60, 8, 2, known=1, ahead=0)
    for fitted in (method(stretch=50).fit(whole(panel, H)), method(stretch=50, segment=20).fit(whole(panel, H))):
        assert math.isfinite(fitted.validate(whole(panel, H), fitted.fitted.model))
    plain = made(60, 8, 2)
    found = method().fit(whole(plain, H)).forecast(plain.series, [np.array([60]), np.array([1, 8]), np.array([2])], 7)
    assert [f.point.shape for f in found] == [(1, 7), (2, 7), (1, 7)]
    assert all(np.isfinite(f.quantiles).all() for f in found)


def test_constant_series_and_series_far_from_zero():
    panel = made(60, 60)
    constant, other = panel.series
    far = replace(panel, series=(replace(constant, values=np.full(60, 3.0)), replace(other, values=other.values + 1e9)))
    fitted = method().fit(rolling(far, H, windows=2))
    same, moved = fitted.forecast(far.series, [np.array([50])] * 2, H)
    assert np.abs(same.point - 3).max() < 2 and np.abs(moved.point - 1e9).max() < 200
    near = method().fit(rolling(replace(far, series=(far.series[0], other)), H, windows=2))
    np.testing.assert_allclose(moved.point - 1e9, near.forecast([other], [np.array([50])], H)[0].point, atol=1e-3)


def test_what_is_read_at_once_is_what_memory_is_for(monkeypatch):
    """Rows in groups, in order; the forecasts are those of all at once."""
    panel = made(60, 30, 80, 50, 70)
    fitted = method().fit(rolling(panel, H, windows=1))
    origins = [np.array([20, 25])] * 5
    want = fitted.forecast(panel.series, origins, H)
    for steps, answers, groups in ((150, 10**6, [2, 1, 2]), (10, 10**6, [1] * 5), (10**6, 2 * 2 * H * 9, [2, 2, 1])):
        monkeypatch.setattr(reading, "STEPS", steps)
        monkeypatch.setattr(reading, "ANSWERS", answers)
        blocks = reading.blocks_of(panel.series, None, origins, fitted.fitted.scales, False)
        assert [len(group) for group in reading._groups(blocks, fitted.fitted.model)] == groups
        for one, other in zip(fitted.forecast(panel.series, origins, H), want, strict=True):
            np.testing.assert_allclose(one.quantiles, other.quantiles, rtol=1e-9)


@pytest.mark.parametrize("lookback", [None, 10])
def test_in_slices_it_goes_on_bit_for_bit(tmp_path, lookback):
    split = rolling(made(60, 80, known=1, static=1), H, windows=2, lookback=lookback)
    m = Carried("gru", Budget(steps=1), batch=16, options={"width": 8, "segment": 3})

    def run():
        model = m.module(split)
        return Run(model, m.batches(split), adamw(model, 1e-2, 0.0), objective=m.objective(split))

    straight, half, rest = run(), run(), run()
    list(islice(straight, 9))
    list(islice(half, 5))
    half.save(tmp_path / "half")
    rest.load(tmp_path / "half")
    list(islice(rest, 4))
    assert all(torch.equal(a, b) for a, b in zip(straight.model.parameters(), rest.model.parameters(), strict=True))
    assert math.isfinite(backtest(m.finish(split, rest.model), split).overall["MSE"])
    assert math.isnan(m.validate(replace(split, valid=(np.zeros(0, np.int64),) * 2), rest.model))


@pytest.mark.parametrize(("wrong", "message"), [
    (lambda p: method(widht=3), "a model has no option 'widht'; did you mean 'width'"),
    (lambda p: method().forecast(p.series, [np.array([5])] * 2, H), "learnt nothing yet"),
    (lambda p: method().fit(whole(p, H)).forecast(p.series, [np.array([5])] * 2, 0), "horizon of 1 or more, got 0"),
    (lambda p: method().fit(whole(p, H)).forecast(p.series, [np.array([0])] * 2, H), "nothing is known at 0"),
    (lambda p: method().fit(whole(p, H)).forecast(made(9, 9, 9).series[2:], [np.array([5])], H), "series named 's2'"),
    (lambda p: method(together=True).fit(whole(p, H)).forecast(p.series, [np.array([5]), np.array([6])], H),
     "have the same origins"),
    (lambda p: method(together=True).fit(whole(p, H)).forecast(p.series[::-1], [np.array([5])] * 2, H),
     "all 2 in the order they were learnt in"),
    (lambda p: method(together=True).fit(whole(p, H)).forecast(p.series[:1], [np.array([5])], H), "all 2 .* got 1"),
    (lambda p: method(together=True).fit(whole(made(60, 60, known=1), H)), "have the same covariates"),
    (lambda p: method(together=True).fit(whole(made(60, 50), H)), "begin and end at the same times"),
])
def test_what_does_not_fit(wrong, message):
    with pytest.raises(InputError, match=message):
        wrong(made(60, 60))
