"""Synthetic tasks: targets follow from the tokens by the rule, checked by another, slower way of saying it."""
import numpy as np
import pytest
import torch

from reprise.core.errors import InputError
from reprise.data.batches import IGNORED
from reprise.data.tasks import create_task, list_tasks


def sample(name, rows=64, length=60, seed=0, **options):
    return create_task(name, **options).sample(rows, length, np.random.default_rng(seed))


@pytest.mark.parametrize("name", list_tasks())
def test_what_every_task_keeps(name):
    task, batch = create_task(name), sample(name)
    assert batch.x.shape == batch.y.shape == batch.resets.shape == (64, 60)
    assert batch.x.min() >= 0 and batch.x.max() < task.vocabulary
    asked = batch.y[batch.y != IGNORED]
    assert len(asked) >= 64 and asked.min() >= 0 and asked.max() < task.vocabulary
    assert batch.resets[:, 0].all() and not batch.resets[:, 1:].any()
    again, other = sample(name), sample(name, seed=1)
    assert torch.equal(again.x, batch.x) and not torch.equal(other.x, batch.x)
    with pytest.raises(InputError, match=f"{task.shortest} steps or more, got 2 rows of {task.shortest - 1}"):
        task.sample(2, task.shortest - 1, np.random.default_rng(0))
    assert task.sample(2, task.shortest, np.random.default_rng(0)).x.shape == (2, task.shortest)


@pytest.mark.parametrize("name", list_tasks())
def test_chance_is_what_the_best_constant_answer_gets(name):
    task, batch = create_task(name), sample(name, rows=256, length=400)
    asked = batch.y[batch.y != IGNORED]
    best = asked.bincount().max() / len(asked)
    assert float(best) == pytest.approx(task.chance, abs=0.03)


@pytest.mark.parametrize("name", list_tasks())
def test_lengths_of_batches_are_drawn_from_all(name):
    low = create_task(name).shortest
    batches = create_task(name).batches(2, (low, low + 2), seed=0)
    assert {next(batches).x.shape[1] for _ in range(60)} == {low, low + 1, low + 2}


@pytest.mark.parametrize("modulus", [2, 3, 7])
def test_modular_counting(modulus):
    batch = sample("modular_counting", modulus=modulus)
    for x, y in zip(batch.x.tolist(), batch.y.tolist(), strict=True):
        total = 0
        for digit, want in zip(x, y, strict=True):
            total = (total + digit) % modulus
            assert want == total


@pytest.mark.parametrize("length", [4, 60, 61])
def test_flip_flop(length):
    batch, reads = sample("flip_flop", length=length), 0
    for x, y in zip(batch.x.tolist(), batch.y.tolist(), strict=True):
        held = None
        for t in range(0, length, 2):
            instruction, bit = x[t], x[t + 1] if t + 1 < length else None
            assert instruction in (0, 1, 2) and bit in (None, 3, 4)
            if instruction == 0:
                held = bit
            assert y[t] == (held if instruction == 2 else IGNORED)
            if instruction == 2 and bit is not None:
                assert bit == held
            reads += instruction == 2
        assert all(target == IGNORED for target in y[1::2])
    assert reads >= len(batch.x)


@pytest.mark.parametrize(("kinds", "depth"), [(1, 2), (2, 6), (5, 3)])
def test_dyck(kinds, depth):
    batch, deepest = sample("dyck", kinds=kinds, depth=depth), 0
    for x, y in zip(batch.x.tolist(), batch.y.tolist(), strict=True):
        stack = []
        for token, want in zip(x, y, strict=True):
            if token < kinds:
                stack.append(token)
                assert want == IGNORED
            else:
                assert stack.pop() == token - kinds
                assert want == (kinds + stack[-1] if stack else 2 * kinds)
            deepest = max(deepest, len(stack))
    assert deepest == depth


def test_recall():
    batch = sample("recall", pairs=8, keys=20, values=5, length=40)
    for x, y in zip(batch.x.tolist(), batch.y.tolist(), strict=True):
        told = dict(zip(x[:16:2], x[1:16:2], strict=True))
        assert len(told) == 8 and min(told) >= 1 and max(told) <= 20
        asked = {t: key for t, key in enumerate(x[16:], 16) if key}
        assert sorted(asked.values()) == sorted(told)
        assert [y[t] for t in asked] == [told[key] for key in asked.values()]
        assert sum(target != IGNORED for target in y) == 8


@pytest.mark.parametrize(("name", "options", "message"), [
    ("modular_counting", {"modulus": 1}, "modulus of 2 or more, got 1"),
    ("flip_flop", {"ignored": 1.0}, "from 0 to below 1, got 1.0"),
    ("dyck", {"depth": 1}, "depth of 2 or more, got 1"),
    ("dyck", {"kinds": 0}, "kinds of 1 or more, got 0"),
    ("recall", {"pairs": 9, "keys": 8}, "9 pairs need as many different keys, got keys=8"),
])
def test_bad_options(name, options, message):
    with pytest.raises(InputError, match=message):
        create_task(name, **options)


@pytest.mark.parametrize(("option", "message"), [
    ("foo", "dyck has no option 'foo'; known: depth, kinds"), ("dept", "no option 'dept'; did you mean 'depth'")])
def test_options_that_a_task_has_not(option, message):
    with pytest.raises(InputError, match=message):
        create_task("dyck", **{option: 1})
