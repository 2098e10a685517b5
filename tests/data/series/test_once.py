"""A panel that comes from the cache is the one that was read, and only where the same would be read again."""
import os
from dataclasses import fields

import numpy as np
import pytest

from reprise.core.errors import InputError
from reprise.data.series import once
from reprise.data.series.once import PARTS, open_once
from reprise.data.series.open import open_series


@pytest.fixture
def sales(tmp_path, monkeypatch):
    monkeypatch.setenv("REPRISE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(once, "LARGE", 10)
    rows = [f"{name},2024-01-{day:02},{day * height},{day % 7},{height}" for name, height in (("é", 2.5), ("b", 7))
            for day in range(1, 20 if name == "b" else 31)]
    (tmp_path / "sales.csv").write_text("\n".join(["unique_id,ds,y,promo,area", *rows]) + "\n")
    return tmp_path / "sales.csv"


def test_the_same_panel_comes_back(sales, monkeypatch):
    reading = {"target": ("y",), "static": ("area",), "season": 7}
    wanted = open_series(str(sales), **reading)
    first = open_once(str(sales), **reading)
    monkeypatch.setattr(once, "open_series", None)  # not asked again
    for panel in (first, open_once(str(sales), **reading)):
        assert [getattr(panel, f.name) for f in fields(panel) if f.name != "series"] == [
            getattr(wanted, f.name) for f in fields(wanted) if f.name != "series"]
        assert [series.name for series in panel] == ["é", "b"] or [series.name for series in panel] == ["b", "é"]
        for found, meant in zip(panel, wanted, strict=True):
            for part in PARTS:
                np.testing.assert_array_equal(getattr(found, part), getattr(meant, part))
                assert getattr(found, part).dtype == getattr(meant, part).dtype


def test_another_file_or_way_of_reading_is_read_anew(sales):
    assert open_once(str(sales), target=("y",)).season == 7
    assert open_once(str(sales), target=("y",), season=5).season == 5
    sales.write_text(sales.read_text().replace("2024-01-01,2.5", "2024-01-01,99.5"))
    os.utime(sales, ns=(1, 1))
    assert open_once(str(sales), target=("y",))["é"].values[0] == 99.5


def test_what_cannot_be_read_is_told_each_time(sales):
    sales.write_text("unique_id,ds,y\na,2024-01-01,1\na,2024-01-01,2\n" * 3)
    for _ in range(2):
        with pytest.raises(InputError):
            open_once(str(sales))
