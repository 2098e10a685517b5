"""Batches: every byte once, documents whole, targets right, and resuming as if nothing had happened."""
from itertools import islice

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

from reprise.core.errors import InputError
from reprise.data.batches import IGNORED, carried, evaluation, windows
from reprise.data.corpora.shuffle import shuffled
from reprise.data.corpora.text import Text

KINDS = pytest.mark.parametrize("kind", [carried, windows])
DOCUMENTS = st.lists(st.binary(min_size=1, max_size=30), min_size=1, max_size=12)
quick = settings(deadline=None, max_examples=60)


def distinct(sizes):
    """Documents of these sizes in which no two bytes next to each other are found elsewhere, up to 256 bytes in all."""
    values = iter(range(256))
    return [bytes(next(values) for _ in range(size)) for size in sizes]


def epoch(batches):
    return list(islice(batches, batches.epoch_length))


def lanes(batches):
    """Each row of an epoch in one piece."""
    return [torch.cat(parts, dim=1) for parts in zip(*batches, strict=True)]


def equal(one, other):
    return all(torch.equal(a, b) for x, y in zip(one, other, strict=True) for a, b in zip(x, y, strict=True))


@quick
@given(st.lists(st.integers(1, 30), min_size=1, max_size=8), st.integers(1, 4), st.integers(1, 6), st.integers(0, 5))
def test_carried_lanes_are_runs_of_documents(sizes, batch, length, seed):
    text = Text.of(distinct(sizes))
    if len(text) < batch * length:
        return
    follows = dict(zip(text.tokens.tolist(), text.tokens.tolist()[1:]))
    firsts = set(text.tokens[text.starts].tolist())
    batches = carried(text, batch, length, seed)
    for _ in range(3):
        x, y, resets = lanes(epoch(batches))
        assert len(x.unique()) == x.numel() == len(text) // (batch * length) * batch * length
        for row in range(batch):
            assert resets[row, 0]
            for t, (now, target) in enumerate(zip(x[row].tolist(), y[row].tolist(), strict=True)):
                if target != IGNORED:
                    assert follows[now] == target and target not in firsts
                if now in firsts:
                    assert resets[row, t]
                if t and not resets[row, t]:  # nothing between two resets is missing or out of place
                    assert follows[x[row, t - 1].item()] == now
                    assert y[row, t - 1] == now
                if t and resets[row, t]:
                    assert y[row, t - 1] == IGNORED


@quick
@given(st.lists(st.integers(1, 30), min_size=1, max_size=8), st.integers(1, 4), st.integers(1, 6), st.integers(0, 5))
def test_windows_hold_each_byte_once_and_begin_fresh(sizes, batch, length, seed):
    text = Text.of(distinct(sizes))
    if len(text) < batch * length:
        return
    follows = dict(zip(text.tokens.tolist(), text.tokens.tolist()[1:]))
    firsts = set(text.tokens[text.starts].tolist())
    drawn = epoch(windows(text, batch, length, seed))
    x = torch.cat([b.x for b in drawn])
    y = torch.cat([b.y for b in drawn])
    resets = torch.cat([b.resets for b in drawn])
    assert len(x.unique()) == x.numel() == len(text) // (batch * length) * batch * length
    assert resets[:, 0].all()
    assert all(resets[x == first].all() for first in firsts)
    assert ((y[:, :-1] == x[:, 1:]) ^ resets[:, 1:]).all()
    assert ((y[:, :-1] == IGNORED) == resets[:, 1:]).all()
    assert all(follows[now] == target and target not in firsts
               for now, target in zip(x.flatten().tolist(), y.flatten().tolist(), strict=True) if target != IGNORED)


@quick
@given(DOCUMENTS, st.integers(1, 5), st.integers(1, 7), st.none() | st.integers(1, 60))
def test_evaluation_reads_the_text_in_order_and_scores_each_byte_once(documents, batch, length, limit):
    text = Text.of(documents).beginning(limit)
    found = list(evaluation(Text.of(documents), batch, length, limit))
    assert all(part.shape == (batch, length) for b in found for part in b)
    x, y, resets = lanes(found)
    lane = -(-len(text) // batch)
    assert x[:, :lane].flatten()[: len(text)].tolist() == text.tokens.tolist()
    fresh = np.isin(np.arange(len(text)), [*text.starts, *range(0, len(text), lane)])
    assert resets[:, :lane].flatten()[: len(text)].tolist() == fresh.tolist()
    scored = [byte for document in range(len(text.starts)) for byte in text.document(document)[1:]]
    assert y[y != IGNORED].tolist() == scored
    assert not resets[:, lane:].any() and not x[:, lane:].any()


@KINDS
@quick
@given(documents=st.lists(st.binary(min_size=1, max_size=30), min_size=4, max_size=9),
       before=st.integers(0, 25), seed=st.integers(0, 9))
def test_resuming_equals_going_on(kind, documents, before, seed):
    text = Text.of([b"begin", *documents])
    batches = kind(text, 2, 4, seed)
    for _ in islice(batches, before):
        pass
    state = batches.state_dict()
    resumed = kind(text, 2, 4, seed)
    resumed.load_state_dict(state)
    assert equal(islice(batches, 12), islice(resumed, 12))
    assert batches.state_dict() == resumed.state_dict()


@KINDS
def test_epochs_differ_and_the_seed_decides(kind):
    text = Text.of([bytes(range(250))])
    batches = kind(text, 2, 8)
    first, second = epoch(batches), epoch(batches)
    assert (batches.epoch, batches.step) == (2, 0)
    assert not equal(first, second)
    assert equal(first, epoch(kind(text, 2, 8)))
    assert not equal(first, epoch(kind(text, 2, 8, seed=1)))


@KINDS
def test_types_are_those_of_a_model(kind):
    batch = next(kind(Text.of([b"some text here"]), 2, 3))
    assert [part.dtype for part in batch] == [torch.int64, torch.int64, torch.bool]
    assert all(part.shape == (2, 3) and part.is_contiguous() for part in batch)


def test_windows_reach_past_one_block_of_steps(monkeypatch):
    text = Text.of([np.random.default_rng(0).bytes(3000)])
    whole = list(islice(windows(text, 2, 3), 700))
    monkeypatch.setattr("reprise.data.batches.BLOCK", 7)
    assert equal(whole, islice(windows(text, 2, 3), 700))


@pytest.mark.parametrize("size", [1, 2, 3, 5, 16, 17, 1000])
def test_shuffled_is_a_permutation(size):
    seen = shuffled(np.arange(size), size, (3, 1))
    assert sorted(seen) == list(range(size))
    assert size < 16 or (seen != np.arange(size)).sum() > size // 2


def test_shuffled_prefers_no_place():
    places = np.array([shuffled(np.arange(6), 6, (seed, 0)) for seed in range(1000)])
    shares = np.stack([(places == value).mean(0) for value in range(6)])
    assert abs(shares - 1 / 6).max() < 0.05  # four standard deviations


@KINDS
def test_too_short_a_text_says_how_much_it_has(kind):
    with pytest.raises(InputError, match=r"the text has 9 bytes, fewer than one batch of 2 x 5 = 10"):
        kind(Text.of([b"nine byte"]), 2, 5)


@pytest.mark.parametrize("make", [carried, windows, lambda *a: next(evaluation(*a))])
def test_shapes_must_be_positive(make):
    with pytest.raises(InputError, match="at least 1, got batch=2, length=0"):
        make(Text.of([b"nine byte"]), 2, 0)


@pytest.mark.parametrize(("change", "message"), [
    ({"seed": 7}, "seed was 7, is 0"),
    ({"kind": "windows"}, "kind was windows, is carried"),
    ({"bytes": 3}, "bytes was 3, is 9"),
    ({"step": 99}, "past the end"),
])
def test_a_position_elsewhere_is_refused(change, message):
    batches = carried(Text.of([b"nine byte"]), 2, 2)
    with pytest.raises(InputError, match=message):
        batches.load_state_dict(batches.state_dict() | change)


def test_a_position_must_be_whole():
    with pytest.raises(InputError, match="needs batch, bytes, documents, kind, length, seed, step too"):
        carried(Text.of([b"nine byte"]), 2, 2).load_state_dict({"epoch": 1})
