"""States are values: every function gives a new tree and leaves the one it was given as it was."""
from typing import NamedTuple

import pytest
import torch
from hypothesis import given, settings, strategies as st

from reprise.core.errors import InputError
from reprise.core.state import (
    batch_size,
    concatenate,
    count_bytes,
    detach,
    fork,
    growing,
    map_state,
    move,
    named_tensors,
    refill,
    select,
    steps,
)


class Memory(NamedTuple):
    h: torch.Tensor
    position: torch.Tensor


class State(NamedTuple):
    local: object
    memory: object


TYPES = st.sampled_from([torch.float32, torch.float64, torch.int64, torch.complex64, torch.bool])


@st.composite
def trees(draw, types=TYPES, least=0):
    """A tree of any depth whose tensors have the same rows, and so many numbers each that no two rows are alike."""
    B, counter = draw(st.integers(0, 4)), iter(range(1000, 10**6, 1000))

    def leaf():
        shape = (B, *draw(st.lists(st.integers(0, 3), max_size=2)))
        numbers = torch.arange(torch.Size(shape).numel()).reshape(shape) + next(counter)
        return numbers.to(draw(types))

    def tree(depth):
        kind = draw(st.sampled_from(["tensor", "tensor", "tuple", "state", "empty"] if depth else ["tensor"]))
        match kind:
            case "tensor":
                return leaf()
            case "tuple":
                return tuple(tree(depth - 1) for _ in range(draw(st.integers(1, 3))))
            case "state":
                return State(tree(depth - 1), tree(depth - 1))
        return ()

    return (leaf(), tree(2)) if least else tree(2)


def example(B=3):
    h = torch.arange(2.0 * B).reshape(B, 2)
    return (State((), Memory(h, torch.arange(B))), State(h + 10, h + 20))


def copied(tree):
    return map_state(torch.clone, tree)


def alike(a, b):
    """Equal in structure, classes, types and values."""
    if isinstance(a, torch.Tensor):
        return a.dtype == b.dtype and torch.equal(a, b)
    return type(a) is type(b) and len(a) == len(b) and all(map(alike, a, b))


def test_map_keeps_the_tree_and_walks_others_alongside():
    state = example()
    mapped = map_state(lambda x, y: x + 2 * y, state, state)
    assert type(mapped[0].memory) is Memory and mapped[0].local == ()
    assert alike(mapped, map_state(lambda x: 3 * x, state))
    with pytest.raises(ValueError, match="shorter"):
        map_state(torch.add, state, state[:1])


def test_names_tell_where_a_tensor_is():
    assert [name for name, _ in named_tensors(example())] == ["0.memory.h", "0.memory.position", "1.local", "1.memory"]
    x = torch.ones(2)
    assert list(named_tensors(x)) == [("", x)] and list(named_tensors(())) == []


@settings(deadline=None)
@given(trees())
def test_refill_undoes_names(tree):
    assert alike(refill(tree, [s for _, s in named_tensors(tree)]), tree)


@pytest.mark.parametrize("count", [0, 3, 5])
def test_refill_takes_as_many_as_there_are(count):
    with pytest.raises(InputError, match=f"expected 4 tensors, one for each that the tree holds, got {count}"):
        refill(example(), [torch.ones(1)] * count)


@settings(deadline=None)
@given(trees(), st.data())
def test_select_is_indexing_and_writes_nowhere(tree, data):
    B, before = batch_size(tree), copied(tree)
    rows = data.draw(st.lists(st.integers(-B, B - 1), max_size=6)) if B else []
    picked = select(tree, rows)
    assert alike(picked, map_state(lambda s: s[torch.tensor(rows, dtype=torch.long)], before))
    map_state(lambda s: s.zero_(), picked)
    assert alike(tree, before), "a selected row shares memory with the state it came from"


def test_select_takes_masks_tensors_and_ranges():
    state, want = example(), map_state(lambda s: s[[0, 2]], example())
    for rows in ([0, 2], (0, -1), torch.tensor([0, 2], dtype=torch.int32), range(0, 3, 2), [True, False, True],
                 torch.tensor([True, False, True])):
        assert alike(select(state, rows), want)
    assert alike(select(state, [False] * 3), map_state(lambda s: s[:0], state))


@pytest.mark.parametrize(("rows", "message"), [
    ([3], r"rows \[3\] asked of a state of 3 rows; give rows from -3 to 2"), ([0, -4], r"rows \[0, -4\] asked"),
    ([True, False], "a mask of 2 rows does not fit a state of 3 rows"), (1, r"got 1; give \[1\] for one row"),
    ([[0, 1]], "expected a list of rows"), ([0.5], "expected whole numbers of rows or a mask of booleans")], ids=str)
def test_select_errors_say_which_rows(rows, message):
    with pytest.raises(InputError, match=message):
        select(example(), rows)


@settings(deadline=None)
@given(trees(), st.integers(1, 3))
def test_forks_stand_side_by_side(tree, copies):
    before, forked = copied(tree), fork(tree, copies)
    rows = [row for row in range(batch_size(tree)) for _ in range(copies)]
    assert alike(forked, select(tree, rows))
    map_state(lambda s: s.zero_(), forked)
    assert alike(tree, before)


def test_fork_makes_one_copy_or_more():
    with pytest.raises(InputError, match="one copy or more, got 0"):
        fork(example(), 0)


@settings(deadline=None)
@given(trees(), st.data())
def test_concatenate_undoes_a_split(tree, data):
    B = batch_size(tree)
    cut = data.draw(st.integers(0, B))
    parts = [select(tree, range(cut)), select(tree, range(cut, B))]
    assert alike(concatenate(parts), tree)


def test_concatenate_refuses_foreign_states():
    state = example()
    others = {"in shape": map_state(lambda s: s[..., None], state), "in type": map_state(lambda s: s.int(), state),
              "in structure": state[:1], "in names": (state[0].memory, state[1])}
    for what, other in others.items():
        with pytest.raises(InputError, match=r"state 1 holds .* and state 0 .*; they belong to different layers"):
            concatenate([state, other])
            pytest.fail(f"took a state that differs {what}")
    with pytest.raises(InputError, match="expected at least one state, got none"):
        concatenate([])


class Cache(NamedTuple):
    k: torch.Tensor
    count: torch.Tensor

    grows = ("k",)


def cached(*counts, first=1.0):
    """Rows with so many entries each, all of them different and none zero."""
    k = torch.arange(first, first + len(counts) * max(counts) * 2).view(len(counts), max(counts), 2)
    real = torch.arange(max(counts)) < torch.tensor(counts)[:, None]
    return State((), (Cache(k * real[..., None], torch.tensor(counts)), torch.ones(len(counts), 3)))


def test_what_grows_is_known_by_name():
    assert growing(cached(2)) == {"memory.0.k"} and growing(cached(2).memory[0]) == {"k"}
    assert growing(example()) == growing(torch.ones(2)) == growing("no tree") == set()


def test_concatenate_fills_up_what_grows():
    short, long = cached(2, 1), cached(4, first=50.0)
    (joined, _) = concatenate([short, long]).memory
    assert joined.count.tolist() == [2, 1, 4] and joined.k.shape == (3, 4, 2)
    assert torch.equal(joined.k[:2, :2], short.memory[0].k) and not joined.k[:2, 2:].any()
    assert torch.equal(joined.k[2:], long.memory[0].k)
    assert alike(concatenate([cached(3, 2)]), cached(3, 2))
    nothing = select(cached(3), [])
    assert concatenate([nothing, cached(2)]).memory[0].k.shape == (1, 3, 2)


def test_concatenate_refuses_what_differs_beside_its_growth():
    wider = cached(2)._replace(memory=(Cache(torch.ones(1, 2, 3), torch.ones(1, dtype=torch.long)), torch.ones(1, 3)))
    with pytest.raises(InputError, match=r"memory.0.k \('any', 3\) .* and state 0 memory.0.k \('any', 2\)"):
        concatenate([cached(2), wider])


def test_detach_cuts_the_graph_and_keeps_the_values():
    weight = torch.ones(2, requires_grad=True)
    state = map_state(lambda s: s * weight if s.is_floating_point() else s, example())
    cut = detach(state)
    assert not any(s.requires_grad for _, s in named_tensors(cut)) and state[1].memory.requires_grad
    assert alike(cut, example())


def test_move_changes_the_place_and_not_the_type():
    state = example()
    there = move(state, "meta")
    assert {s.device.type for _, s in named_tensors(there)} == {"meta"}
    assert [s.dtype for _, s in named_tensors(there)] == [s.dtype for _, s in named_tensors(state)]
    assert alike(move(state, "cpu"), state)


def test_bytes_are_counted_by_type():
    assert count_bytes(example()) == 3 * (2 * 4 + 8 + 2 * 4 + 2 * 4)
    assert count_bytes(()) == 0
    assert count_bytes(torch.zeros(3, dtype=torch.complex128)) == 48


def test_a_state_without_tensors_has_no_rows():
    assert batch_size(((), State((), ()))) == 0 and batch_size(example(5)) == 5


@settings(deadline=None)
@given(trees(least=1, types=st.just(torch.float64)), st.integers(0, 4))
def test_steps_are_slices_of_time(tree, T):
    wide = map_state(lambda s: torch.stack([s + 0.25 * t for t in range(T)], 1) if T else s[:, None][:, :0], tree)
    one_by_one = steps(wide)
    assert len(one_by_one) == T
    assert all(alike(step, map_state(lambda s, t=t: s[:, t], wide)) for t, step in enumerate(one_by_one))


def test_steps_refuse_tensors_of_different_lengths():
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        steps((torch.zeros(2, 3), torch.zeros(2, 2)))
