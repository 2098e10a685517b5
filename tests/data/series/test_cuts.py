"""Cuts: values stay in order and in place, series are drawn evenly, padding is told."""
from itertools import islice

import numpy as np
import pytest
import torch

from reprise.core.errors import InputError
from reprise.data.series.cuts import cuts, last_cuts

SERIES = [100.0 * n + np.arange(size, dtype=float) for n, size in ((1, 8), (2, 40), (3, 12))]


def drawn(recent=None, count=40):
    return list(islice(cuts(SERIES, 6, 3, batch=16, seed=1, recent=recent), count))


def test_what_follows_follows():
    for x, y, lengths in drawn():
        whole = torch.cat([x, y], 1)[..., 0]
        for row, length in zip(whole, lengths):
            real = row[6 - length :]
            torch.testing.assert_close(real, real[0] + torch.arange(len(real)))
            assert (row[: 6 - length] == 0).all()


def test_series_are_drawn_evenly_whatever_their_length():
    which = torch.cat([y[:, 0, 0] // 100 for _, y, _ in drawn(count=100)])
    np.testing.assert_allclose(which.unique(return_counts=True)[1] / len(which), 1 / 3, atol=0.05)


@pytest.mark.parametrize(("recent", "origins"), [(None, range(1, 38)), (4, range(34, 38)), (1, range(37, 38))])
def test_cuts_are_near_the_end(recent, origins):
    found = {int(y - 200) for _, ys, _ in drawn(recent, 100) for y in ys[:, 0, 0] if y // 100 == 2}
    assert found == set(origins)


def test_the_last_cut_of_each():
    x, y, lengths = last_cuts(SERIES, 6, 3)
    assert lengths.tolist() == [5, 6, 6] and y[:, -1, 0].tolist() == [107, 239, 311]
    assert x[0, :, 0].tolist() == [0, 100, 101, 102, 103, 104]


@pytest.mark.parametrize("series", [[], [np.arange(3.0)], [np.arange(9.0), np.arange(2.0)]])
def test_what_cannot_be_cut(series):
    with pytest.raises(InputError, match="series of more than 3 values"):
        cuts(series, 6, 3, batch=1, seed=0)
