"""Coupled series: who follows whom, by how much, and what is zero."""
import numpy as np
import pytest

from reprise.core.errors import InputError
from reprise.data.series.generated.coupled import coupled


def test_followers_are_their_leader_some_steps_ago():
    values, groups, lags = coupled(2, 80, seed=0, noise=0.0)
    assert groups.tolist() == [0, 1, 2] * 4 and lags.tolist() == [0] * 3 + [2] * 3 + [4] * 3 + [6] * 3
    for v in range(3, 12):
        leader, follower = values[:, :, groups[v]], values[:, :, v]
        gain = follower.max() / leader[:, : 80 - lags[v]].max()
        np.testing.assert_allclose(follower[:, lags[v]:], gain * leader[:, : 80 - lags[v]], rtol=0.5, atol=1e-12)


def test_leaders_of_other_groups_say_nothing():
    values = coupled(200, 60, seed=0).values
    between = np.corrcoef(values[:, 30, :3].T)[np.triu_indices(3, 1)]
    assert np.abs(between).max() < 0.2
    assert np.corrcoef(values[:, 30, 0], values[:, 32, 3])[0, 1] > 0.9


def test_about_half_is_zero_and_nothing_below():
    values = coupled(20, 100, seed=1).values
    assert values.shape == (20, 100, 12) and values.min() == 0 and 0.4 < (values == 0).mean() < 0.6
    assert np.array_equal(values, coupled(20, 100, seed=1).values)


@pytest.mark.parametrize("options", [{"variables": 2}, {"lag": -1}, {"memory": 1.0}])
def test_what_does_not_fit(options):
    with pytest.raises(InputError, match="a variable a group or more"):
        coupled(1, 10, 0, **options)
