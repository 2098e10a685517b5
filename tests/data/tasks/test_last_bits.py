"""Tasks about the last bits of a stream: the rule said another way, one stream asked by several, shares of chance."""
import numpy as np
import pytest

from reprise.core.errors import InputError
from reprise.data.batches import IGNORED
from reprise.data.tasks import create_task


@pytest.mark.parametrize("n", [2, 3, 8])
def test_parity_flips_with_every_one_among_the_last(n):
    batch = create_task("n_parity", n=n).sample(64, 20, np.random.default_rng(0))
    for x, y in zip(batch.x.tolist(), batch.y.tolist(), strict=True):
        odd = False
        for bit in x[20 - n :]:
            odd = not odd if bit else odd
        assert y == [IGNORED] * 19 + [int(odd)]


@pytest.mark.parametrize("n", [2, 3, 8])
def test_a_match_is_with_the_first_of_the_last(n):
    batch = create_task("delayed_match", n=n).sample(64, 20, np.random.default_rng(0))
    for x, y in zip(batch.x.tolist(), batch.y.tolist(), strict=True):
        sample, *_, last = x[20 - n :]
        assert y == [IGNORED] * 19 + [int(sample == last)]


@pytest.mark.parametrize("n", [2, 3, 4, 7])
@pytest.mark.parametrize("name", ["n_parity", "delayed_match"])
def test_chance(name, n):
    task = create_task(name, n=n)
    answers = task.answers(task.bits(40_000, n, np.random.default_rng(0)))
    assert max(answers.mean(), 1 - answers.mean()) == pytest.approx(task.chance, abs=0.01)


def test_bits_before_the_last_do_not_matter():
    bits = create_task("n_parity", n=6).bits(50, 30, np.random.default_rng(0))
    for name in ("n_parity", "delayed_match"):
        for n in (2, 5, 6):
            task, changed = create_task(name, n=n), bits.copy()
            changed[:, : 30 - n] ^= 1
            assert (task.answers(changed) == task.answers(bits)).all()


def test_one_stream_is_asked_about_several():
    task = create_task("delayed_match", n=6)
    bits = task.bits(50, 30, np.random.default_rng(0))
    found = task.asked(bits, (2, 5, 6))
    assert found.x.shape == (50, 30, 1) and (found.x[..., 0].numpy() == bits).all() and found.y.shape == (50, 3)
    for column, n in enumerate((2, 5, 6)):
        assert (found.y[:, column].numpy() == create_task("delayed_match", n=n).answers(bits)).all()


def test_shares_of_ones_differ_for_parity_alone():
    spread = {name: create_task(name).bits(500, 400, np.random.default_rng(0)).mean(1).std()
              for name in ("n_parity", "delayed_match")}
    assert spread["n_parity"] == pytest.approx(12**-0.5, abs=0.03) and spread["delayed_match"] < 0.05


def test_lengths_of_training():
    task = create_task("delayed_match", n=5)
    batches = task.batches(1, task.lengths, seed=0)
    assert {next(batches).x.shape[1] for _ in range(400)} == set(range(7, 22))


def test_questions_of_training_are_as_long_as_the_largest_needs():
    task, generator = create_task("n_parity"), np.random.default_rng(0)
    found = [task.questions((4, 2), 3, generator) for _ in range(200)]
    assert {part.x.shape[1] for part in found} == set(range(6, 18))
    for part in found[:20]:
        bits = part.x[..., 0].long().numpy()
        assert (part.y[:, 0].numpy() == bits[:, -4:].sum(1) % 2).all()
        assert (part.y[:, 1].numpy() == bits[:, -2:].sum(1) % 2).all()


@pytest.mark.parametrize("n", [1, True, 2.5])
def test_bad_n(n):
    with pytest.raises(InputError, match="n of 2 or more, for the last bit alone needs no memory"):
        create_task("n_parity", n=n)
