"""Replay replaces rows and adds none: how many, which, and that it goes on where it stopped."""
import itertools

import pytest
import torch

from reprise.continual.replay import ReplayMixer
from reprise.core.errors import InputError
from reprise.data.batches import carried, windows
from reprise.data.corpora.text import Text

BATCH, LENGTH = 6, 5
OLD = Text.of([bytes(range(97, 123)) * 20])
NEW = Text.of([bytes(range(48, 58)) * 60])


def mixer(share, seed=0, batches=(OLD, NEW)):
    old, new = (windows(text, BATCH, LENGTH, seed=7) for text in batches)
    return ReplayMixer(old, new, share, seed)


def old_rows(batch):
    return (batch.x >= 97).all(1)


@pytest.mark.parametrize("share", [0.0, 0.05, 0.25, 0.5, 1.0])
def test_old_rows_are_as_many_as_the_share_says_at_every_step(share):
    total = 0
    for step, batch in enumerate(itertools.islice(mixer(share), 50), 1):
        assert batch.x.shape == batch.y.shape == batch.resets.shape == (BATCH, LENGTH)
        assert ((batch.x >= 97).any(1) == old_rows(batch)).all()  # whole rows
        assert ((batch.y >= 97) | (batch.y < 0)).all(1)[old_rows(batch)].all() and batch.resets[:, 0].all()
        total += int(old_rows(batch).sum())
        assert abs(total - share * BATCH * step) < 1


def test_no_old_window_is_left_out():
    old = windows(OLD, BATCH, LENGTH, seed=7)
    want = torch.cat([next(old).x for _ in range(4)])
    got = torch.cat([torch.cat([b.x[r:r + 1] for r in range(BATCH) if old_rows(b)[r]] or [b.x[:0]])
                     for b in itertools.islice(mixer(0.4), 10)])
    assert sorted(map(tuple, got.tolist())) == sorted(map(tuple, want.tolist()[:len(got)])) and len(got) == 24


def test_new_rows_that_stay_are_those_without_replay():
    plain = windows(NEW, BATCH, LENGTH, seed=7)
    for batch in itertools.islice(mixer(0.3), 20):
        alone, stays = next(plain), ~old_rows(batch)
        assert torch.equal(batch.x[stays], alone.x[stays]) and torch.equal(batch.y[stays], alone.y[stays])


def test_the_seed_decides_which_rows():
    places = [[old_rows(b).tolist() for b in itertools.islice(mixer(0.5, seed), 8)] for seed in (0, 0, 1)]
    assert places[0] == places[1] != places[2]


@pytest.mark.parametrize("share", [0.05, 0.4, 1.0])
@pytest.mark.parametrize("done", [0, 1, 3, 17])
def test_goes_on_bit_for_bit(share, done):
    first = mixer(share)
    for _ in range(done):
        next(first)
    state = first.state_dict()
    want = [next(first) for _ in range(30)]
    again = mixer(share)
    next(again)
    again.load_state_dict(state)
    for batch in want:
        assert all(torch.equal(a, b) for a, b in zip(next(again), batch, strict=True))


def test_what_cannot_be_mixed_is_said():
    with pytest.raises(InputError, match="a share of rows from 0 to 1"):
        mixer(1.5)
    with pytest.raises(InputError, match=r"of one shape, got \(6, 5\) and \(4, 5\)"):
        ReplayMixer(windows(OLD, 6, 5), windows(NEW, 4, 5), 0.5)
    with pytest.raises(InputError, match="got carried ones"):
        ReplayMixer(carried(OLD, 6, 5), windows(NEW, 6, 5), 0.5)
    with pytest.raises(InputError, match=r"not 0.2 and 0; use the same"):
        mixer(0.2).load_state_dict(mixer(0.3).state_dict())
    with pytest.raises(InputError, match="needs new, old"):
        mixer(0.2).load_state_dict({"share": 0.2, "seed": 0, "step": 0, "used": 0})
