"""State is a value: a tree of tuples and NamedTuples of tensors, batch first, that no call mutates.

A NamedTuple whose class says `grows = ("k", "v")` keeps an entry for every step in these fields, along dimension 1.
Rows that have fewer are zero on the right, and a field that does not grow counts what is real.
"""
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from reprise.core.errors import InputError

__all__ = [
    "batch_size", "concatenate", "count_bytes", "detach", "fork", "growing", "map_state", "move", "named_tensors",
    "refill", "select", "shape_without_time", "steps",
]


def map_state(f: Callable, tree: Any, *others: Any) -> Any:
    """The same tree around `f` of every tensor, alongside the tensors in the same place of the other trees.

    A part that is None, as of a batch without lengths, stays None.
    """
    if tree is None:
        return None
    if isinstance(tree, Tensor):
        return f(tree, *others)
    return _like(tree, [map_state(f, *parts) for parts in zip(tree, *others, strict=True)])


def named_tensors(tree: Any, prefix: str = "") -> Iterator[tuple[str, Tensor]]:
    """`("0.memory", tensor)` and so on, in order: what a file of states holds."""
    if isinstance(tree, Tensor):
        yield prefix, tree
        return
    if not isinstance(tree, tuple | list):
        place = prefix and f" at {prefix}"
        raise InputError(f"expected a tree of tuples of tensors, got a {type(tree).__name__}{place}; "
                         "give what forward, step or initial_state returned")
    for name, part in zip(getattr(tree, "_fields", range(len(tree))), tree, strict=True):
        yield from named_tensors(part, f"{prefix}.{name}" if prefix else str(name))


def growing(tree: Any, prefix: str = "") -> set[str]:
    """The names of the tensors that keep an entry for every step."""
    if not isinstance(tree, tuple | list):
        return set()
    found = {f"{prefix}{name}" for name in getattr(tree, "grows", ())}
    for name, part in zip(getattr(tree, "_fields", range(len(tree))), tree, strict=True):
        found |= growing(part, f"{prefix}{name}.")
    return found


def shape_without_time(tensor: Tensor, grows: bool) -> tuple[int | str, ...]:
    """Its shape, with "any" for the entries of one that grows: states of one layer differ in nothing else but rows."""
    shape = tuple(tensor.shape)
    return (*shape[:1], "any", *shape[2:]) if grows else shape


def refill(tree: Any, tensors: Iterable[Tensor]) -> Any:
    """The same tree around other tensors, as many as it holds, in the order of `named_tensors`."""
    tensors, places = list(tensors), sum(1 for _ in named_tensors(tree))
    if len(tensors) != places:
        raise InputError(f"refill: expected {places} tensors, one for each that the tree holds, got {len(tensors)}")
    following = iter(tensors)
    return map_state(lambda _: next(following), tree)


def detach(tree: Any) -> Any:
    """The same values, cut from the graph that made them: between two chunks of truncated backpropagation."""
    return map_state(Tensor.detach, tree)


def select(tree: Any, rows: Sequence[int] | Tensor) -> Any:
    """Some rows of the batch, in the order given: `select(state, [2, 0])`; a row may be taken twice."""
    batch = batch_size(tree)
    index = torch.as_tensor(rows)
    if index.ndim != 1:
        raise InputError(f"select: expected a list of rows, got {rows!r}; give [{rows!r}] for one row")
    if index.is_floating_point() and index.numel():
        raise InputError(f"select: expected whole numbers of rows or a mask of booleans, got {rows!r}")
    if index.dtype == torch.bool:
        if len(index) != batch:
            raise InputError(f"select: a mask of {len(index)} rows does not fit a state of {batch} rows")
        index = index.nonzero()[:, 0]
    if index.numel() and not -batch <= int(index.min()) <= int(index.max()) < batch:
        raise InputError(f"select: rows {index.tolist()} asked of a state of {batch} rows; "
                         f"give rows from {-batch} to {batch - 1}")
    return map_state(lambda s: s.index_select(0, index.long().to(s.device) % max(batch, 1)), tree)


def fork(tree: Any, copies: int) -> Any:
    """Every row `copies` times over, side by side: rows 0 0 1 1 for two copies of two."""
    if copies < 1:
        raise InputError(f"fork: expected one copy or more, got {copies}")
    return map_state(lambda s: s.repeat_interleave(copies, 0), tree)


def concatenate(trees: Sequence[Any]) -> Any:
    """States of the same layer as one batch, in the order given. Raises InputError where shapes or types differ.

    Where they keep an entry for every step, the shorter are filled up with zeros.
    """
    if not trees:
        raise InputError("concatenate: expected at least one state, got none; start from layer.initial_state(0)")
    grows = growing(trees[0])
    shapes = [[(name, shape_without_time(s, name in grows)[1:], s.dtype) for name, s in named_tensors(tree)]
              for tree in trees]
    for i, shape in enumerate(shapes):
        if shape != shapes[0]:
            raise InputError(f"concatenate: state {i} holds {_listed(shape)} and state 0 {_listed(shapes[0])}; "
                             "they belong to different layers, or to one in another precision")
    names = [name for name, _ in named_tensors(trees[0])]
    parts = zip(*[[s for _, s in named_tensors(tree)] for tree in trees], strict=True)
    return refill(trees[0], [_join(part, name in grows) for name, part in zip(names, parts, strict=True)])


def move(tree: Any, device: torch.device | str) -> Any:
    """The same state on another device; precision stays as it is, for a state's own is part of its meaning."""
    return map_state(lambda s: s.to(device), tree)


def count_bytes(tree: Any) -> int:
    """Memory that the tensors of a state fill."""
    return sum(s.numel() * s.element_size() for _, s in named_tensors(tree))


def batch_size(tree: Any) -> int:
    """Rows of the batch; 0 for a state without tensors."""
    return next((len(s) for _, s in named_tensors(tree)), 0)


def steps(tree: Any) -> list:
    """A tree of (B T ...) as T trees of (B ...); slicing `[:, t]` instead costs T^2 in backward."""
    if isinstance(tree, Tensor):
        return list(tree.unbind(1))
    parts = zip(*(tensor.unbind(1) for _, tensor in named_tensors(tree)), strict=True)
    return [refill(tree, part) for part in parts]


def _join(parts: Sequence[Tensor], grows: bool) -> Tensor:
    if grows:
        most = max(part.shape[1] for part in parts)
        parts = [pad(part, (0, 0) * (part.ndim - 2) + (0, most - part.shape[1])) for part in parts]
    return torch.cat(parts)


def _like(tree: Any, parts: Sequence) -> Any:
    return type(tree)(*parts) if hasattr(tree, "_fields") else tuple(parts)


def _listed(shapes: list) -> str:
    return ", ".join(f"{name} {tuple(shape)} {dtype}" for name, shape, dtype in shapes) or "nothing"
