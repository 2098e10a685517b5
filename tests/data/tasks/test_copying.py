"""Copying, at once, after a delay and selectively: what is asked for is what was told, in its order."""
import numpy as np
import pytest

from reprise.core.errors import InputError
from reprise.data.batches import IGNORED
from reprise.data.tasks import create_task


def sample(name, rows=64, length=60, seed=0, **options):
    return create_task(name, **options).sample(rows, length, np.random.default_rng(seed))


@pytest.mark.parametrize(("delay", "length", "count"), [(0, 2, 1), (0, 20, 10), (0, 21, 10), (7, 20, 6), (40, 60, 10)])
def test_copy(delay, length, count):
    batch = sample("copy", delay=delay, length=length)
    for x, y in zip(batch.x.tolist(), batch.y.tolist(), strict=True):
        spare = length - 2 * count - delay
        assert x[:spare] == [0] * spare and x[-count:] == [1] * count
        told = x[spare : spare + count]
        assert min(told) >= 2 and x[spare + count : -count] == [0] * delay
        assert y[-count:] == told and set(y[:-count]) <= {IGNORED}


@pytest.mark.parametrize(("count", "length"), [(1, 2), (16, 32), (16, 60), (5, 41)])
def test_selective_copy(count, length):
    batch = sample("selective_copy", count=count, length=length)
    for x, y in zip(batch.x.tolist(), batch.y.tolist(), strict=True):
        told = [token for token in x[: length - count] if token]
        assert len(told) == count and min(told) >= 2
        assert x[-count:] == [1] * count
        assert y[-count:] == told and set(y[:-count]) <= {IGNORED}


def test_symbols_of_selective_copy_stand_anywhere():
    batch = sample("selective_copy", rows=2000, length=40, count=8, kinds=3)
    share = (batch.x[:, :32] >= 2).double().mean(0)
    assert abs(share - 0.25).max() < 0.05


@pytest.mark.parametrize(("name", "options", "message"), [
    ("copy", {"kinds": 0}, "kinds of 1 or more, got 0"), ("copy", {"delay": -1}, "delay of 0 steps or more, got -1"),
    ("selective_copy", {"count": 0}, "count of 1 or more, got 0")])
def test_bad_options(name, options, message):
    with pytest.raises(InputError, match=message):
        create_task(name, **options)
