"""Panels made in a line."""
import numpy as np
import pytest

from reprise.data.series.panel import Panel, Series, Step


@pytest.fixture
def panel():
    def make(*series, step=Step(1, "M"), season=None):  # noqa: B008
        made = tuple(Series(f"s{i}", np.arange(len(v), dtype=np.float64), np.asarray(v, np.float64),
                            np.ones(len(v), bool), np.zeros((len(v), 0)), np.zeros(0)) for i, v in enumerate(series))
        return Panel("panel", made, step, season or step.season)

    return make


@pytest.fixture
def monthly(panel):
    """Three series of other scales, with a season, a trend and noise, one of them shorter."""
    random = np.random.default_rng(7)
    t = np.arange(120)
    wave = 10 + np.sin(2 * np.pi * t / 12) + 0.02 * t
    return panel(*(scale * (wave[:n] + 0.2 * random.normal(size=n)) for scale, n in ((1, 120), (100, 120), (5, 96))))
