"""The key that is asked for at the end is the one that stood in the noise."""
import numpy as np
import pytest

from reprise.core.errors import InputError
from reprise.data.batches import IGNORED
from reprise.data.tasks import create_task


@pytest.mark.parametrize(("digits", "length"), [(5, 11), (5, 60), (1, 9)])
def test_passkey(digits, length):
    task = create_task("passkey", digits=digits, noise=4)
    batch, places = task.sample(200, length, np.random.default_rng(0)), set()
    for x, y in zip(batch.x.tolist(), batch.y.tolist(), strict=True):
        at = x.index(14)
        key = x[at + 1 : at + 1 + digits]
        assert x[-digits:] == [15, *key[:-1]] and y[-digits:] == key
        assert set(y[:-digits]) == {IGNORED} and max(key) < 10
        noise = x[:at] + x[at + 1 + digits : -digits]
        assert set(noise) <= {10, 11, 12, 13}
        places.add(at)
    assert min(places) == 0 and max(places) == length - 2 * digits - 1


def test_bad_options():
    with pytest.raises(InputError, match="digits of 1 or more, got 0"):
        create_task("passkey", digits=0)
