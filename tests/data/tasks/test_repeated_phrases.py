"""Strings of phrases: what follows the opening can be read back as phrases, each some times over, and an end."""
import numpy as np
import pytest

from reprise.core.errors import InputError
from reprise.data.batches import IGNORED
from reprise.data.tasks import create_task


def readable(letters, task, phrase):
    """Whether letters after a phrase was called for are phrases, each up to `most` times."""
    said = task.phrases[phrase]
    for times in range(1, task.most + 1):
        start = len(said) * times
        if letters[:start] != said * times:
            return False
        rest = letters[start:]
        if not rest or any(readable(rest, task, other) for other in range(task.letters)):
            return True
    return False


def test_strings_are_phrases_that_their_opening_calls_for():
    task = create_task("repeated_phrases", letters=8, opening=3, most=3)
    batch = task.sample(64, 80, np.random.default_rng(0))
    lengths = []
    for x, y in zip(batch.x.tolist(), batch.y.tolist(), strict=True):
        size = x.index(task.end)
        assert set(x[size:]) == {task.end} and y[:2] == [IGNORED] * 2
        assert y[2:size] == [*x[3:size], task.end] and set(y[size:]) == {IGNORED}
        assert readable(x[3:size], task, x[2])
        lengths.append(size - 3)
    assert len(set(lengths)) > 10 and np.mean(lengths) == pytest.approx(2 * 2 * 23 / 8, rel=0.25)


def test_what_is_too_long_is_cut():
    task = create_task("repeated_phrases", opening=2)
    long = task.sample(50, 40, np.random.default_rng(1))
    short = task.sample(50, 7, np.random.default_rng(1))
    assert (short.x[0] == long.x[0, :7]).all() and (short.y[0] == long.y[0, :7]).all()
    cut = (short.y[:, -1] != IGNORED) & (short.x[:, -1] != task.end)
    assert cut.any()


def test_the_language_is_fixed_by_its_number():
    one, same, other = (create_task("repeated_phrases", language=n) for n in (1, 1, 2))
    assert one.phrases == same.phrases != other.phrases


def test_bad_options():
    with pytest.raises(InputError, match="2 letters or more, got 1"):
        create_task("repeated_phrases", letters=1)
    with pytest.raises(InputError, match="opening of 1 or more, got 0"):
        create_task("repeated_phrases", opening=0)
