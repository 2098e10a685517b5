"""A function that torch has run once, as machine code: what does not change between calls is worked out beforehand."""
import ctypes
import operator
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from typing import Any, NamedTuple

import torch
from torch import Tensor

from reprise.core.state import named_tensors
from reprise.ops.program.lowering import Unsupported
from reprise.ops.program.native import compile_native
from reprise.ops.program.recording import Recording, Slot

__all__ = ["Program"]

VERSION = operator.attrgetter("_version")


class Program:
    """The same function as `function(x, state) -> (y, state)`, for tensors of these shapes and parameters in `slots`.

    A call looks whether parameters have moved or changed, and works out anew what hangs on them if so; it returns None
    where what it is given is not what it was made for. Raises Unsupported for a function it cannot be made from.
    """

    def __init__(self, function: Callable, x: Tensor, state: Any, slots: Mapping[int, Slot]):
        self._recording = Recording(function, x, state, slots)
        lowered = self._recording.lowered()
        self._native = compile_native(lowered)
        self._holders, self._names = zip(*slots.values(), strict=True) if slots else ((), ())
        self._leaves, self._build = _leaves_of((x, state)), _builder(self._recording.result)
        self._expected = [(z.shape, z.dtype, _stands_for_another if z.is_complex() else Tensor.is_neg)
                          for _, z in named_tensors((x, state))]
        # only to make others like them, which takes less time than torch.empty
        self._made = [torch.empty(z.layout.shape, dtype=z.dtype) for z in lowered.results]
        self._scratch = torch.empty(self._native.scratch, dtype=torch.uint8)
        seen = self._seen()
        if seen is None:
            raise Unsupported("parameters made in inference mode, for changes in them would go unseen")
        self._now = self._worked_out(seen)
        self._forms = [_form(z) for z in self._now.constants]

    def __call__(self, x: Tensor, state: Any) -> tuple[Tensor, Any] | None:
        try:
            given = self._leaves((x, state))
            for z, (shape, dtype, stands_for_another) in zip(given, self._expected, strict=True):
                if type(z) is not Tensor or z.shape != shape or z.dtype is not dtype or not z.is_cpu:
                    return None
                if stands_for_another(z):  # so that what lies there is not what it is
                    return None
        except (IndexError, TypeError, ValueError):
            return None  # another tree
        now, seen = self._now, self._seen()  # once: another thread may put later ones in their place
        if seen is None:
            return None
        if seen != now.seen:
            now = self._worked_out(seen)
            if [_form(z) for z in now.constants] != self._forms:
                return None
            self._now = now
        given = [z if z.is_contiguous() else z.contiguous() for z in given]
        made, scratch = [torch.empty_like(z) for z in self._made], torch.empty_like(self._scratch)
        self._native.call(now.table, *[z.data_ptr() for z in (scratch, *given, *made)])
        return self._build(made)

    def _seen(self) -> list[int] | None:
        """Where the parameters are, and how often they were changed; by `map`, since every call asks."""
        try:
            parameters = list(map(operator.getitem, self._holders, self._names))
            return [*map(Tensor.data_ptr, parameters), *map(VERSION, parameters)]
        except (AttributeError, KeyError, RuntimeError, TypeError):  # gone, or one that does not count its changes
            return None

    def _worked_out(self, seen: list[int]) -> "_Constants":
        constants = self._recording.constants()
        return _Constants(seen, (ctypes.c_void_p * len(constants))(*[z.data_ptr() for z in constants]), constants)


class _Constants(NamedTuple):
    """What hangs on parameters, when those were as `seen`."""

    seen: list[int]
    table: ctypes.Array
    constants: list[Tensor]  # kept: the table has their addresses alone


def _stands_for_another(z: Tensor) -> bool:
    return z.is_conj() or z.is_neg()


def _form(z: Tensor) -> tuple:
    return z.shape, z.stride(), z.dtype, z.device


def _leaves_of(tree: Any) -> Callable[[Any], tuple[Tensor, ...]]:
    """What lists the tensors of any tree like this one, without walking it.

    It raises IndexError, TypeError or ValueError for another tree.
    """
    return eval(f"lambda tree: ({''.join(f'tree{place}, ' for place in _places(tree))})")


def _builder(tree: Any) -> Callable[[list[Tensor]], Any]:
    """What puts tensors into a tree like this one, in the order of `_leaves_of`."""
    kinds: dict[str, type] = {}
    return eval(f"lambda tensors: {_construction(tree, count(), kinds)}", kinds)


def _places(tree: Any, place: str = "") -> Iterator[str]:
    if isinstance(tree, Tensor):
        yield place
    else:
        for i, part in enumerate(tree):
            yield from _places(part, f"{place}[{i}]")


def _construction(tree: Any, following: Iterator[int], kinds: dict[str, type]) -> str:
    if isinstance(tree, Tensor):
        return f"tensors[{next(following)}]"
    parts = "".join(f"{_construction(part, following, kinds)}, " for part in tree)
    if type(tree) in (tuple, list):
        return f"({parts})" if type(tree) is tuple else f"[{parts}]"
    name = f"kind{len(kinds)}"
    kinds[name] = type(tree)
    return f"{name}({parts})"
