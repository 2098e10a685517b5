"""The sets of forecasting competitions: series without dates, whose last steps are the official test part."""
import json
from typing import NamedTuple

import numpy as np

from reprise.data.published import Published, read_published
from reprise.data.series.reading.rows import Rows

__all__ = ["COMPETITIONS", "Counted", "read_competition"]

M4 = "https://raw.githubusercontent.com/Mcompetitions/M4-methods/master/Dataset/"


class Counted(NamedTuple):
    """Numbered series, the steps of a season that their competition takes, and of its test part."""

    rows: Rows
    season: int
    official: int | None


class Competition(NamedTuple):
    """files: M4's two, or one of JSON. period: in that file, which series; None for all."""

    folder: str
    files: tuple[Published, ...]
    period: str | None
    season: int
    official: int


def _m4(period: str, season: int, official: int, train: str, test: str) -> Competition:
    parts = (("Train", f"{period}-train.csv", train), ("Test", f"{period}-test.csv", test))
    return Competition("m4", tuple(Published(file, None, f"{M4}{folder}/", sha256) for folder, file, sha256 in parts),
                       None, season, official)


def _json(name: str, sha256: str, **periods: tuple[int, int]) -> dict[str, Competition]:
    file = Published(f"{name}.json", None, "", sha256)
    return {f"{name}-{period}": Competition("forecasting-competitions", (file,), period.upper(), *sizes)
            for period, sizes in periods.items()}


COMPETITIONS = {
    "m4-weekly": _m4("Weekly", 1, 13, "d478d3f6ed673e6ed3c2cb0fbed5425f72eedd51318ebebeb0b5ecfcefc37714",
                     "3b2bc4be8e636e802260dcd843ca3c5da40536a1fbe1ecb3229a97dae4f44688"),
    "m4-hourly": _m4("Hourly", 24, 48, "ea59b7783573c49077a835ab6465c7d66f1474783360f310988a9a737fbca62f",
                     "71a57fccb15e534d973626ada4fb87febf789e9317715b7cc6dd3b5f90db6f42"),
    **_json("m1", "3645d246cd76ef6f46d94d07f072779f5555492e4a208d23ae6e3534a8ce1fca",
            yearly=(1, 6), quarterly=(4, 8), monthly=(12, 18)),
    **_json("m3", "a3a3f2e940094790ba969671f639a0fabed3099235c6e02e75185e1c7806d82e",
            yearly=(1, 6), quarterly=(4, 8), monthly=(12, 18), other=(1, 8)),
    **_json("tourism", "11809292a62a8d3f4590d1c64785462096575ccba17bfcd030ef532582a1cfa8",
            yearly=(1, 4), quarterly=(4, 8), monthly=(12, 24)),
    "nn5": Competition("forecasting-competitions", (Published(
        "nn5.json", None, "", "ac16a5591968d7517c196dd2c1a726572e20b4aa05c740c347dbc5eaa9115a88"),), None, 7, 56),
}


def read_competition(name: str) -> Counted:
    """Every series of a competition's set, history and test part in one."""
    about = COMPETITIONS[name]
    contents = [read_published(about.folder, file) for file in about.files]
    series = _m4_series(*contents) if about.folder == "m4" else _json_series(contents[0], about.period)
    lengths = [len(values) for values in series.values()]
    group = np.repeat(np.arange(len(series)), lengths)
    times = np.concatenate([np.arange(1.0, length + 1) for length in lengths])
    rows = Rows(about.files[0].file, None, tuple(series), ("",), group, times,
                np.concatenate(list(series.values()))[:, None], np.zeros((len(times), 0)), np.zeros((len(series), 0)),
                group + 2 if about.folder == "m4" else np.ones(len(times), int), across=True,
                notes=("its files give no dates, so steps are numbered",))
    return Counted(rows, about.season, about.official)


def _m4_series(*contents: bytes) -> dict[str, np.ndarray]:
    """An id and its values a line, in quotes; the test part's line goes on where that of the history ends."""
    parts: dict[str, list[np.ndarray]] = {}
    for content in contents:
        for line in content.decode().replace('"', "").splitlines()[1:]:
            name, _, values = line.partition(",")
            parts.setdefault(name, []).append(np.array(values.rstrip(",").split(","), float))
    return {name: np.concatenate(values) for name, values in parts.items()}


def _json_series(content: bytes, period: str | None) -> dict[str, np.ndarray]:
    found = json.loads(content)
    if period is None:
        return {name: np.array(values, float) for name, values in found.items()}
    return {name: np.array(one["x"] + one["xx"], float) for name, one in found.items() if one["period"] == period}
