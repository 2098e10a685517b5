"""The paragraph before training, the card of reports; and what does not change when rows are shuffled."""
import numpy as np
import pandas as pd
from hypothesis import given, settings, strategies as st

from reprise.data.series.open import open_series
from reprise.data.series.told import card, told


def hourly(names="abc", T=60):
    hours = pd.date_range("2016-07-01", periods=T, freq="h")
    return pd.DataFrame({"date": hours, **{name: np.arange(T) % 7.0 + i for i, name in enumerate(names)}})


def test_told(opened):
    frame = hourly()
    assert told(open_series(frame)).endswith(
        "3 series (a, b, c), hourly, 60 steps from 2016-07-01 to 2016-07-03 11:00; a season of 24 steps.")
    rows = "\n".join(f"s{i:02},{t},{t % 3}" for i in range(12) for t in range(1, 20 + i))
    many = opened(f"id,ds,y\n{rows}")
    assert told(many).startswith("t: 12 series (s00, s01, s02, ..., s11), numbered, 19 to 30 steps; no season")


def test_card():
    holed = hourly().drop(index=[5, 6])
    panel = open_series(holed, known="c")
    found = card(panel)
    expected = {
        "series": 2, "names": ["a", "b"], "points": 120, "shortest": 60, "longest": 60, "step": "hourly", "season": 24,
        "start": "2016-07-01", "end": "2016-07-03 11:00", "known": ["c"], "gaps": 4, "duplicates": 0, "official": None}
    assert {key: found[key] for key in expected} == expected
    other = holed.copy()
    other.loc[30, "b"] += 1e-9
    assert card(open_series(holed, known="c"))["digest"] == found["digest"]
    assert card(open_series(other, known="c"))["digest"] != found["digest"]


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 999), T=st.integers(3, 40), N=st.integers(1, 3), holes=st.integers(0, 6),
       frequency=st.sampled_from(["h", "D", "ME", "B", "7min"]), known=st.booleans())
def test_shuffled_rows_are_the_same_series(seed, T, N, holes, frequency, known):
    draw = np.random.default_rng(seed)
    stamps = pd.date_range("2020-03-27", periods=T, freq=frequency)
    frame = pd.DataFrame({"unique_id": np.repeat(list("BCA")[:N], T), "ds": np.tile(stamps, N),
                          "y": draw.normal(size=N * T), "x": draw.normal(size=N * T)})
    frame.loc[draw.integers(0, N * T, 2), "y"] = np.nan
    frame = frame.drop(index=draw.choice(N * T, min(holes, N * T - 2), replace=False))
    frame.loc[frame.index[-1], "y"] = 1.0
    frame = pd.concat([frame, frame.iloc[: seed % 4]])
    options = {"known": "x"} if known else {}
    one = card(open_series(frame, duplicates="mean", **options))
    other = card(open_series(frame.sample(frac=1, random_state=seed), duplicates="mean", **options))
    one.pop("notes"), other.pop("notes")
    assert one == other
