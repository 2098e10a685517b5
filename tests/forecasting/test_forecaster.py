"""A forecaster that is kept up to date says what it would have said, had it read everything at once."""
import numpy as np
import pandas as pd
import pytest

from reprise.core.errors import InputError
from reprise.data.series.open import open_series
from reprise.forecasting.anomalies import find_anomalies
from reprise.forecasting.forecaster import Forecaster


def frame(names=("a", "b"), steps=200, seed=0, first="2024-01-01"):
    """Hourly series with a day in them."""
    random = np.random.default_rng(seed)
    rows = [pd.DataFrame({
        "unique_id": name, "ds": pd.date_range(first, periods=steps, freq="h"),
        "y": 10 * (i + 1) + np.sin(np.arange(steps) * 2 * np.pi / 24) + 0.1 * random.normal(size=steps)})
        for i, name in enumerate(names)]
    return pd.concat(rows, ignore_index=True)


@pytest.fixture(scope="module")
def data():
    return frame()


@pytest.fixture(scope="module")
def fitted(data):
    return Forecaster("gru", horizon=6, steps=20, options={"width": 16, "segment": 4}).fit(data[data.ds < "2024-01-07"])


def agree(one, other):
    assert list(one.columns) == list(other.columns) and (one.ds == other.ds).all()
    np.testing.assert_allclose(one.iloc[:, 2:], other.iloc[:, 2:], atol=1e-4)


def test_updates_are_the_whole(fitted, data):
    """In pieces, of one series before the other, one value at a time: the same as reading all."""
    fitted.read(data[data.ds < "2024-01-07"])
    first = fitted.predict()
    assert list(first.columns) == ["unique_id", "ds", "y", *(f"y_0.{i}" for i in range(1, 10))]
    assert str(first.ds[0]) == "2024-01-07 00:00:00" and len(first) == 12
    fitted.update(data[(data.ds >= "2024-01-07") & (data.unique_id == "b")])
    fitted.update(data[data.ds < "2024-01-07 05:00"])  # of b all is known already
    fitted.update(data[data.unique_id == "a"])
    ahead = fitted.predict(15)
    again = fitted.read(data).predict(15)
    agree(ahead, again)


def test_pushed_values_are_rows(fitted, data):
    rest = data[data.ds >= "2024-01-08 06:00"]
    fitted.read(data[data.ds < "2024-01-08 06:00"])
    for _, values in rest.groupby("ds"):
        fitted.push(values.y.to_numpy())
    by_values = fitted.predict()
    fitted.read(data[data.ds < "2024-01-08 06:00"])
    for row in rest.itertuples():
        assert fitted.expected(row.unique_id) == row.ds
        fitted.push_one(row.unique_id, row.y)
        assert fitted.last(row.unique_id) == pytest.approx(row.y, abs=1e-5)
    agree(by_values, fitted.predict())
    agree(by_values, fitted.read(data).predict())
    one = fitted.forecast_of("b")
    np.testing.assert_allclose(one.point[0], by_values[by_values.unique_id == "b"].y, atol=1e-4)


def test_saved_and_standing_elsewhere(fitted, data, tmp_path):
    fitted.read(data[data.ds < "2024-01-07"])
    fitted.save(tmp_path / "model")
    before = fitted.predict()
    fitted.push([11.0, 21.0]).save_standing(tmp_path / "later")
    agree(Forecaster.load(tmp_path / "model").predict(), before)
    agree(Forecaster.load(tmp_path / "model", tmp_path / "later").predict(), fitted.predict())
    other = Forecaster("gru", horizon=6, steps=1, options={"width": 16, "segment": 4}, seed=1).fit(data)
    other.save(tmp_path / "other")
    with pytest.raises(InputError, match="belongs to another forecaster"):
        Forecaster.load(tmp_path / "other", tmp_path / "later")


def test_together_with_covariates(data, tmp_path):
    """Series read jointly, with what is known ahead; a forecast needs it as far as it reaches."""
    wide = data.pivot(index="ds", columns="unique_id", values="y").reset_index()
    joint = Forecaster("gru", horizon=4, steps=5, together=True, options={"width": 8}).fit(wide[:150])
    joint.update(wide[150:170])
    whole = joint.predict()
    agree(whole, joint.read(wide[:170]).predict())
    with pytest.raises(InputError, match="read together go on together"):
        joint.update(data[(data.unique_id == "a") & (data.ds >= wide.ds[170])])

    data = data.assign(warm=np.cos(np.arange(len(data))))
    future = data.copy()
    future.loc[future.ds >= "2024-01-07", "y"] = np.nan
    panel = open_series(future[future.ds < "2024-01-07 12:00"], known=["warm"])
    told = Forecaster("gru", horizon=4, steps=5, options={"width": 8}).fit(panel)
    assert len(told.predict(12)) == 24
    with pytest.raises(InputError, match="known for 12 steps, and 13 are needed"):
        told.predict(13)
    with pytest.raises(InputError, match="reads covariates"):
        told.push([1.0, 2.0])
    later = data[data.ds < "2024-01-07 20:00"].copy()
    later.loc[later.ds >= "2024-01-07 08:00", "y"] = np.nan
    later = open_series(later, known=["warm"])
    updated = told.update(later).predict()
    agree(updated, told.read(later).predict())
    further = data[data.ds < "2024-01-07 23:00"].copy()
    further.loc[further.ds >= "2024-01-07 08:00", "y"] = np.nan
    agree(told.update(open_series(further, known=["warm"])).predict(13), told.read(
        open_series(further, known=["warm"])).predict(13))  # no new value, and more that is known ahead
    assert len(told.update(panel).predict(15)) == 30  # nor does older news take away what was known


def test_a_state_that_grows_is_pushed_to_one_series_at_a_time(data):
    attending = Forecaster("full_attention", horizon=4, steps=2, options={"width": 8}).fit(data[data.ds < "2024-01-03"])
    attending.push_one("a", 11.0).push_one("b", 21.0).push_one("b", 21.5)
    rows = pd.DataFrame({"unique_id": list("abb"), "y": [11.0, 21.0, 21.5], "ds": pd.to_datetime(
        ["2024-01-03 00:00", "2024-01-03 00:00", "2024-01-03 01:00"])})
    agree(attending.predict(), attending.read(pd.concat([data[data.ds < "2024-01-03"], rows])).predict())


def test_a_row_or_two_are_read_on_the_clock_it_was_fitted_to(fitted, data):
    assert str(fitted.read(data[data.ds < "2024-01-01 01:00"]).predict(1).ds[0]) == "2024-01-01 01:00:00"
    assert str(fitted.read(data[(data.ds < "2024-01-01 03:00") & (data.ds.dt.hour != 1)]).predict(1).ds[0]) == (
        "2024-01-01 03:00:00")


def test_a_long_stream_knows_the_time(fitted, data):
    fitted.read(data[data.ds < "2024-01-07"])
    for _ in range(1100):
        fitted.push([10.0, 20.0])
    assert fitted.expected("b") == np.datetime64("2024-01-07") + np.timedelta64(1100, "h")
    assert (fitted.predict().ds[:2] == pd.to_datetime(["2024-02-21 20:00", "2024-02-21 21:00"])).all()


def test_what_is_refused(fitted, data):
    fitted.read(data[data.ds < "2024-01-07"])
    for call, wanted in (
        (lambda: Forecaster().predict(), "learnt nothing yet"),
        (lambda: fitted.update(frame(("c",))), "no series 'c'"),
        (lambda: fitted.update(data[data.ds >= "2024-01-07 03:00"]), "the next step of 'a' is 2024-01-07"),
        (lambda: fitted.read(data[data.unique_id == "a"]), "has no series 'b'"),
        (lambda: fitted.push([1.0]), "expected 2 finite values"),
        (lambda: fitted.push([1.0, np.nan]), "1 that are not"),
        (lambda: fitted.push_one("c", 1.0), "no series 'c'"),
        (lambda: fitted.push_one("a", 1e30), "within 1e[+]09 deviations"),
        (lambda: fitted.push([1.0, 1e30]), "within 1e[+]09 deviations"),
        (lambda: fitted.expected("c"), "no series 'c'"),
        (lambda: fitted.last("c"), "no series 'c'"),
        (lambda: fitted.forecast_of("c"), "no series 'c'"),
        (lambda: fitted.read(open_series(data[data.ds.dt.hour == 0])), "series that are hourly.* got daily ones"),
        (lambda: fitted.predict(0), "horizon of 1 or more"),
    ):
        with pytest.raises(InputError, match=wanted):
            call()


def test_an_anomaly_is_found_where_it_is(fitted, data):
    broken = data.copy()
    broken.loc[150, "y"] += 30
    found = find_anomalies(fitted.method, open_series(broken), threshold=5.0)
    assert len(found) == len(data) - 2
    worst = found.loc[found.score.idxmax()]
    assert (worst.unique_id, worst.ds) == ("a", data.ds[150]) and worst.anomaly
    changed = find_anomalies(fitted.method, open_series(data), threshold=5.0)
    before = (found.unique_id == "b") | (found.ds < data.ds[150])
    np.testing.assert_allclose(found[before].score, changed[before].score, rtol=1e-4)  # the past alone counts


def test_anomalies_need_three_levels_and_no_covariates_of_the_future(data):
    told = open_series(data.assign(warm=np.cos(np.arange(len(data)))), known=["warm"])
    forecaster = Forecaster("gru", horizon=4, steps=2, options={"width": 8, "head": "student_t"}).fit(told)
    assert len(find_anomalies(forecaster.method, told)) == len(data) - 2
    for levels in ((0.5,), (0.3, 0.5, 0.7)):
        head = ("quantiles", {"levels": levels})
        narrow = Forecaster("gru", horizon=4, steps=2, options={"width": 8, "head": head}).fit(data)
        with pytest.raises(InputError, match=r"expected quantiles of the levels \(0.1, 0.5, 0.9\)"):
            find_anomalies(narrow.method, open_series(data))


@pytest.mark.parametrize(("first", "day"), [("2023-04", 30), ("2023-02", 28), ("2023-01", 29), ("2023-02", 31)])
def test_a_clock_by_the_month_goes_on_as_it_was(first, day):
    """Also where its first day is the last of a month, as a clock of last days has it throughout (31)."""
    months = pd.period_range(first, periods=40, freq="M")
    stamps = [pd.Timestamp(m.year, m.month, min(day, m.days_in_month)) for m in months]
    rows = pd.DataFrame({"ds": stamps, "y": np.random.default_rng(0).normal(size=40)})
    forecaster = Forecaster("gru", horizon=4, steps=2, options={"width": 8}).fit(rows[:30])
    assert list(forecaster.predict(10).ds) == stamps[30:]
    agree(forecaster.update(rows[30:35]).predict(5), forecaster.read(rows[:35]).predict(5))
    assert list(forecaster.predict(5).ds) == stamps[35:]
