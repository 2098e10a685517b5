"""The latch: what is asked for stood first, and nothing else says it."""
import numpy as np
import pytest

from reprise.core.errors import InputError
from reprise.data.batches import IGNORED
from reprise.data.tasks import create_task


@pytest.mark.parametrize(("symbols", "length"), [(1, 2), (2, 9), (4, 60)])
def test_the_last_step_asks_for_the_first(symbols, length):
    task = create_task("latch", symbols=symbols)
    x, y = (z.numpy() for z in task.sample(50, length, np.random.default_rng(0))[:2])
    assert task.vocabulary == 2 * symbols + 1 and task.chance == 1 / symbols
    for row, target in zip(x.tolist(), y.tolist(), strict=True):
        assert symbols <= row[0] < 2 * symbols and row[-1] == 2 * symbols
        assert all(token < symbols for token in row[1:-1])
        assert target == [IGNORED] * (length - 1) + [row[0]]


def test_what_lies_between_says_nothing():
    x, y = (z.numpy() for z in create_task("latch").sample(4000, 6, np.random.default_rng(0))[:2])
    for t in range(1, 5):
        assert abs(np.mean(x[:, t] == y[:, -1] - 4) - 0.25) < 0.03


def test_no_symbols_are_refused():
    with pytest.raises(InputError, match="symbols of 1 or more"):
        create_task("latch", symbols=0)
