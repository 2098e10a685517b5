"""Protocols: which steps are trained on, validated on and tested on."""
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from reprise.core.errors import InputError
from reprise.data.series.panel import Panel, Series, Step
from reprise.data.series.protocols import ett, m4, rolling


def panel(*series, step=Step(1, "M")):  # noqa: B008
    made = tuple(Series(f"s{i}", np.arange(len(v), dtype=np.float64), np.asarray(v, np.float64),
                        np.ones(len(v), bool), np.zeros((len(v), 0)), np.zeros(0)) for i, v in enumerate(series))
    return Panel("panel", made, step, step.season if step else 1)


def test_airline_by_default():
    split = rolling(panel(range(144)))
    assert (split.horizon, split.protocol, split.lookback, split.scaled) == (12, "rolling", None, False)
    assert split.train.tolist() == [96]
    assert split.valid[0].tolist() == [96, 108] and split.test[0].tolist() == [120, 132]
    assert split.panel.notes == ("tested on the last 2 windows of 12 steps of each series, validated on as many before "
                                 "them",)


@settings(deadline=None)
@given(lengths=st.lists(st.integers(1, 300), min_size=1, max_size=5), horizon=st.none() | st.integers(1, 20),
       windows=st.none() | st.integers(1, 6), stride=st.none() | st.integers(1, 30))
def test_no_target_is_seen_before_its_time(lengths, horizon, windows, stride):
    try:
        split = rolling(panel(*map(range, lengths)), horizon, windows=windows, stride=stride)
    except InputError as error:
        assert f"got at most {max(lengths)}" in str(error)
        return
    H = split.horizon
    for T, train, valid, test in zip(lengths, split.train, split.valid, split.test, strict=True):
        assert len(valid) == len(test)
        if len(test):
            assert 2 * H <= train == valid[0] and valid[-1] + H <= test[0] and test[-1] + H == T
            assert windows is None or len(test) == windows
            assert (np.diff(test) == (stride or H)).all() and (np.diff(valid) == (stride or H)).all()
        else:
            assert 0 <= train <= T


def test_short_series_are_left_out_and_said():
    split = rolling(panel(range(100), range(30), range(100)), 10, windows=2)
    assert [len(o) for o in split.test] == [2, 0, 2] and split.train.tolist() == [60, 0, 60]
    assert split.panel.notes[-1] == "1 of 3 series are left out of the test, shorter than 60 steps: s1"
    with pytest.raises(InputError, match=r"60 steps or more \(2 windows of 10 .* got at most 59; ask for fewer"):
        rolling(panel(range(59)), 10, windows=2)
    with pytest.raises(InputError, match="expected horizon of 1 or more, got 0"):
        rolling(panel(range(59)), 0)
    with pytest.raises(InputError, match="a series or more, got none"):
        rolling(panel())


def test_most_series_of_many_lengths_are_tested():
    random = np.random.default_rng(0)
    split = rolling(panel(*(range(n) for n in random.integers(80, 2000, 200)), step=Step(1, "W")))
    assert sum(len(o) > 0 for o in split.test) > 180


def test_ett_is_by_months():
    random = np.random.default_rng(0)
    values = 3 + 2 * random.normal(size=17420)
    values[14400:] = np.nan  # thrown away
    split = ett(panel(values, np.ones(17420), step=Step(1, "h")), horizon=96, lookback=96)
    assert split.scaled and split.lookback == 96 and split.train.tolist() == [8640, 8640]
    valid, test = split.valid[0], split.test[0]
    assert (valid[0], valid[-1] + 96, test[0], test[-1] + 96) == (8640, 11520, 11520, 14400)
    assert [len(ett(panel(values, step=Step(1, "h")), h).test[0]) for h in (96, 192, 336, 720)] == [
        2785, 2689, 2545, 2161]
    first, flat = split.panel
    assert len(first) == 14400 and first.values[:8640].mean() == pytest.approx(0, abs=1e-12)
    assert first.values[:8640].std() == pytest.approx(1, abs=1e-12)  # of the population
    np.testing.assert_allclose(first.values * values[:8640].std() + values[:8640].mean(), values[:14400])
    assert (flat.values == 0).all()


def test_ett_by_the_quarter_and_what_is_not():
    split = ett(panel(range(69680), step=Step(15, "min")), 720)
    assert len(split.test[0]) == 10801 and split.train.tolist() == [34560]
    for step, length, message in ((Step(1, "M"), 20000, "part of 30 days, got monthly ones"),
                                  (None, 20000, "got irregular ones"), (Step(1, "h"), 14399, "got 14399 steps")):
        with pytest.raises(InputError, match=message):
            ett(panel(range(length), step=step), 96)


def test_m4_has_one_origin_and_its_own_seasons():
    for step, horizon, season in ((Step(1, "Y"), 6, 1), (Step(1, "W"), 13, 1), (Step(1, "D"), 14, 1),
                                  (Step(1, "h"), 48, 24), (Step(1, "Q"), 8, 4)):
        split = m4(panel(range(700), range(2 * horizon), step=step))
        assert (split.horizon, split.panel.season) == (horizon, season)
        assert [o.tolist() for o in split.test] == [[700 - horizon], [horizon]]
        assert [o.tolist() for o in split.valid] == [[700 - 2 * horizon], []]
        assert split.train.tolist() == [700 - 2 * horizon, horizon]
    with pytest.raises(InputError, match="or hourly series, got quarter-hourly ones"):
        m4(panel(range(700), step=Step(15, "min")))
    with pytest.raises(InputError, match="8 steps or more, got at most 7"):
        m4(panel(range(7), step=Step(1, "Y")))
