"""Sets by name: as many series and steps as their publishers say, and their official test parts."""
import functools
import os

import numpy as np
import pytest

from reprise.core.errors import InputError
from reprise.data.series.known import sets
from reprise.data.series.known.sets import list_series
from reprise.data.series.open import open_series
from reprise.data.series.protocols import m4
from reprise.data.sets.ett import open_ett

FOLDER = os.environ.get("REPRISE_DATA")  # before the room's fixture takes it away
needed = pytest.mark.skipif(not FOLDER, reason="REPRISE_DATA is not set, and the sets cannot be downloaded here")
COUNTS = {  # series, steps of the shortest and the longest, step, season, official test part
    "ETTh1": (7, 17420, 17420, "hourly", 24, None), "ETTh2": (7, 17420, 17420, "hourly", 24, None),
    "ETTm1": (7, 69680, 69680, "quarter-hourly", 96, None), "ETTm2": (7, 69680, 69680, "quarter-hourly", 96, None),
    "weather": (21, 52704, 52704, "every 10 minutes", 144, None), "airline": (1, 144, 144, "monthly", 12, None),
    "sunspots": (1, 2820, 2820, "monthly", 12, None), "temperatures": (1, 3652, 3652, "daily", 7, None),
    "births": (1, 365, 365, "daily", 7, None), "car-sales": (1, 108, 108, "monthly", 12, None),
    "nottingham": (1, 240, 240, "monthly", 12, None), "pollution": (1, 43800, 43800, "hourly", 24, None),
    "lynx": (1, 114, 114, "yearly", 1, None), "shampoo": (1, 36, 36, "numbered", 12, None),
    "m4-weekly": (359, 93, 2610, "numbered", 1, 13), "m4-hourly": (414, 748, 1008, "numbered", 24, 48),
    "m1-yearly": (181, 15, 58, "numbered", 1, 6), "m1-quarterly": (203, 18, 114, "numbered", 4, 8),
    "m1-monthly": (617, 48, 150, "numbered", 12, 18), "m3-yearly": (645, 20, 47, "numbered", 1, 6),
    "m3-quarterly": (756, 24, 72, "numbered", 4, 8), "m3-monthly": (1428, 66, 144, "numbered", 12, 18),
    "m3-other": (174, 71, 104, "numbered", 1, 8), "tourism-yearly": (518, 11, 47, "numbered", 1, 4),
    "tourism-quarterly": (427, 30, 130, "numbered", 4, 8), "tourism-monthly": (366, 91, 333, "numbered", 12, 24),
    "nn5": (111, 791, 791, "numbered", 7, 56),
}


@pytest.fixture
def data(monkeypatch):
    monkeypatch.setenv("REPRISE_DATA", FOLDER or "")


opened_once = functools.cache(open_series)


def test_every_set_is_counted():
    assert list(COUNTS) == list_series()


@needed
@pytest.mark.parametrize("name", COUNTS)
def test_counts(name, data):
    panel = opened_once(name)
    lengths = [len(series) for series in panel]
    assert (len(panel), min(lengths), max(lengths), str(panel.step), panel.season, panel.official) == COUNTS[name]
    assert panel.name == name and all(np.isfinite(series.values).all() for series in panel)


@needed
def test_values_are_those_of_the_files(data):
    airline, lynx, hourly = opened_once("airline"), opened_once("lynx"), opened_once("m4-hourly")
    assert airline["Passengers"].values[[0, -1]].tolist() == [112, 432]
    assert lynx["lynx"].values[[0, -1]].tolist() == [269, 3396] and str(lynx["lynx"].times[-1])[:4] == "1934"
    assert hourly["H1"].values[[0, 699, 700, 747]].tolist() == [605, 684, 619, 659]  # the test part begins at 700
    assert opened_once("shampoo")["Sales"].values[-1] == 646.9
    assert opened_once("m3-yearly")["N0001"].values[[0, 13, 14, 19]].tolist() == [940.66, 4936.99, 5379.75, 9156.01]


@needed
def test_the_same_ett_as_in_its_parts(data):
    panel, ett = opened_once("ETTh1"), open_ett("ETTh1")
    raw = np.stack([series.values for series in panel], 1)
    train = raw[: 12 * 30 * 24]
    assert [series.name for series in panel] == ett.names
    np.testing.assert_allclose((raw - train.mean(0)) / train.std(0), ett.values.numpy(), atol=1e-5)


@needed
def test_the_official_test_part_is_that_of_the_m4_protocol(data):
    for name, horizon, first in (("m4-hourly", 48, 700), ("m3-monthly", 18, 50)):
        split = m4(opened_once(name))
        assert split.horizon == horizon and split.test[0].tolist() == [first]
        assert split.panel.season == COUNTS[name][4]


@needed
def test_what_was_mended_is_said(data):
    notes = opened_once("weather").notes
    assert notes[0] == "1 row that repeats another dropped (first: weather.csv.xz, line 19046, column 'date')"
    assert notes[1] == "9 gaps filled forward (first: p (mbar), 2020-05-29 09:40)"
    assert notes[2].startswith("3 series have numbers that often stand for missing values")
    assert "2,043 missing values filled forward (first: pm2.5, 2010-01-23 17:00)" in opened_once("pollution").notes
    assert "1,677 missing values in 111 series filled forward (first: NN5-001, 21)" in opened_once("nn5").notes


@needed
def test_choices_go_for_sets_too(data):
    assert [s.name for s in open_series("etth1", target="OT", start="2018")] == ["OT"]
    assert len(open_series("pollution", target=["TEMP", "PRES"], end="2010-01-01 23:00")["TEMP"]) == 24
    assert open_series("m4-weekly", season=52).season == 52 and open_series("m4-weekly", end="500").official is None


def test_refused(monkeypatch, tmp_path):
    with pytest.raises(InputError, match="m3 has series of several steps, each set its own; choose one of m3-yea"):
        open_series("m3")
    with pytest.raises(InputError, match="m4-weekly has series, no columns; leave out id, time, target, known and"):
        open_series("m4-weekly", target="W1")
    with pytest.raises(InputError, match=r"weather/weather.csv cannot be downloaded from anywhere in this form"):
        open_series("weather")
    (tmp_path / "classic-series").mkdir()
    (tmp_path / "classic-series/airline-passengers.csv").write_text("Month,Passengers\n1949-01,1\n")
    monkeypatch.setenv("REPRISE_DATA", str(tmp_path))
    with pytest.raises(InputError, match=r"airline-passengers.csv in classic-series is not the published file"):
        open_series("airline")


def test_downloads_by_the_name_it_has_there(monkeypatch, tmp_path):
    asked = []

    def retrieve(url, known_hash, fname, path):
        asked.append(url)
        (tmp_path / fname).write_text("Month,Passengers\n1949-01,1\n")
        return str(tmp_path / fname)

    monkeypatch.setattr("pooch.retrieve", retrieve)
    for name in ("airline", "lynx"):
        with pytest.raises(InputError, match="is not the published file"):
            open_series(name)
    assert [url.rsplit("/", 1)[1] for url in asked] == ["airline-passengers.csv", "Lynx.csv"]


def test_a_file_of_that_name_comes_first(tmp_path, monkeypatch):
    (tmp_path / "airline").write_text("ds,y\n2020-01-01,1\n2020-01-02,2\n")
    monkeypatch.chdir(tmp_path)
    assert open_series("airline")["y"].values.tolist() == [1, 2] and sets.is_known("airline")
