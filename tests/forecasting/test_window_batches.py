"""Windows, against slices written out: what they hold, where they begin, and that none looks too far."""
from itertools import islice

import numpy as np
import pytest
import torch

from reprise.core.errors import InputError
from reprise.forecasting.window_batches import Lane, Lanes, WindowBatches


def lane(length, tick=0, series=(0,), start=0.0):
    return Lane(start + np.arange(length * len(series), dtype=float).reshape(length, len(series)), tick, series)


def test_a_window_is_what_is_before_an_origin():
    lanes = Lanes([lane(6, tick=100), lane(5, tick=7, series=(1,), start=50.0)], lookback=3)
    found = lanes.windows(np.array([0, 1, 1]), np.array([4, 3, 1]), 2)
    assert found.x[:, :, 0].tolist() == [[1, 2, 3], [50, 51, 52], [50, 50, 50]]
    assert found.y[:, :, 0].tolist() == [[4, 5], [53, 54], [51, 52]]
    assert found.clock.tolist() == [101, 7, 5] and found.series.tolist() == [[0], [1], [1]]


def test_series_side_by_side_stay_so():
    found = Lanes([lane(4, series=(2, 0))], 2).windows(np.array([0]), np.array([3]), 1)
    assert found.series.tolist() == [[2, 0]]
    assert found.x.tolist() == [[[2, 3], [4, 5]]] and found.y.tolist() == [[[6, 7]]]


def test_an_epoch_has_each_window_once_and_none_across_lanes():
    lanes = Lanes([lane(9), lane(0, series=(1,)), lane(7, series=(2,), start=100.0)], lookback=3)
    batches = WindowBatches(lanes, horizon=2, batch=4, seed=3)
    assert batches.count == 5 + 3
    for _ in range(3):
        epoch = [next(batches) for _ in range(2)]
        rows = torch.cat([torch.cat([b.x, b.y], 1)[:, :, 0] for b in epoch])
        assert sorted(rows[:, 0].tolist()) == [0, 1, 2, 3, 4, 100, 101, 102]
        assert (rows.diff(dim=1) == 1).all()
    assert batches.epoch == 3


def test_short_lanes_begin_with_their_first_value_repeated():
    batches = WindowBatches(Lanes([lane(4), lane(2, series=(1,), start=9.0)], lookback=5), horizon=2, batch=8)
    batch = next(batches)
    assert sorted(batch.x[:, :, 0].tolist()) == [[0, 0, 0, 0, 0], [0, 0, 0, 0, 1]]
    assert (batch.y[:, 0] == batch.x[:, -1] + 1).all()


def test_they_go_on_where_they_were():
    def made(seed=0):
        return WindowBatches(Lanes([lane(60)], 4), 2, 8, seed)

    whole, first = [*islice(made(), 20)], made()
    list(islice(first, 9))
    second = made()
    second.load_state_dict(first.state_dict())
    for a, b in zip(whole[9:], second, strict=False):
        assert all(torch.equal(p, q) for p, q in zip(a, b, strict=True))
    assert not torch.equal(whole[0].x, next(made(seed=1)).x)
    with pytest.raises(InputError, match="seed was 0, is 1"):
        made(seed=1).load_state_dict(first.state_dict())
    with pytest.raises(InputError, match="it says no epoch or step"):
        made().load_state_dict({k: v for k, v in first.state_dict().items() if k != "epoch"})


def test_nothing_to_draw_from():
    with pytest.raises(InputError, match="longest training part has 3 values, too few for one and 3 to forecast"):
        WindowBatches(Lanes([lane(3)], 2), 3, 8)
    with pytest.raises(InputError, match="expected a value or more, got none in 2 series"):
        Lanes([lane(0), lane(0)], 2)
