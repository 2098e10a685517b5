"""M4's protocol: the numbers that are published for Naive2."""
import numpy as np
import pandas as pd
import pytest

from reprise.data.series.panel import Step
from reprise.data.series.protocols import m4
from reprise.forecasting.backtest import backtest
from reprise.forecasting.baselines import create_baseline


def values_of(folder, part):
    frames = [pd.read_csv(folder / f"m4/{part}-{half}.csv.xz", index_col=0) for half in ("train", "test")]
    return [np.concatenate([frame.loc[name].dropna().to_numpy(float) for frame in frames])
            for name in frames[0].index]


@pytest.mark.slow
@pytest.mark.parametrize(("part", "step", "smape", "mase"), [
    ("Weekly", Step(1, "W"), 9.161, 2.777), ("Hourly", Step(1, "h"), 18.383, 2.395)])
def test_naive2_as_published(data_folder, panel, part, step, smape, mase):
    split = m4(panel(*values_of(data_folder, part), step=step))
    found = backtest(create_baseline("naive2").fit(split), split).overall
    assert (round(found["sMAPE"], 3), round(found["MASE"], 3), found["OWA"]) == (smape, mase, 1)
