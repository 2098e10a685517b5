"""Statements as loops in the compiler's language; how many steps each has is known, so that it can make them wide."""
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from llvmlite import ir

from reprise.ops.program.control import counted, word
from reprise.ops.program.expressions import Load, loads
from reprise.ops.program.lowering import Buffer, Fill, Multiply
from reprise.ops.program.numbers import REALS_OF, Numbers, in_memory
from reprise.ops.program.products import product_of_rows

__all__ = ["Loops"]

STARTS = {"add": 0.0, "maximum": -float("inf"), "minimum": float("inf")}


class Axis(NamedTuple):
    """One loop: its steps, what a step is in every buffer it meets, and whether values meet in one place."""

    steps: int
    strides: tuple[int, ...]  # of the target, then of what is read
    reduced: bool


class Loops:
    """Emits statements one after the other into the function that is built; `memory` are its buffers' pointers."""

    def __init__(self, build: ir.IRBuilder, buffers: list[Buffer], memory: list[ir.Value]):
        self.build, self.buffers, self.memory = build, buffers, memory

    def emit(self, statement: Fill | Multiply) -> None:
        (self._multiply if isinstance(statement, Multiply) else self._fill)(statement)

    def _fill(self, s: Fill) -> None:
        met = [s.target, *dict.fromkeys(loads(s.value))]
        axes = _axes(met, s.reduction is not None)
        outer, inner = [a for a in axes if not a.reduced], [a for a in axes if a.reduced]
        with self._nest(outer, [z.layout.storage_offset() for z in met]) as places:
            if s.reduction is None:
                self._store(s.target, places[0], self._value(s.value, met, places))
            else:
                self._store(s.target, places[0], self._total(s, met, places, inner))

    def _total(self, s: Fill, met: list[Load], places: list, inner: list[Axis]) -> ir.Value:
        numbers, kind = self._numbers({}), s.value.dtype
        start = numbers.number(_start(s.reduction, kind), kind)
        parts = start if kind in REALS_OF else (start,)
        with self.build.goto_entry_block():
            totals = [self.build.alloca(z.type) for z in parts]
        for total, z in zip(totals, parts, strict=True):
            self.build.store(z, total)
        with self._nest(inner, places) as deeper:
            now = tuple(self.build.load(z, typ=parts[0].type) for z in totals)
            value = self._value(s.value, met, deeper)
            after = numbers.combine(s.reduction, kind, now if kind in REALS_OF else now[0], value)
            for total, z in zip(totals, after if kind in REALS_OF else (after,), strict=True):
                self.build.store(z, total)
        found = tuple(self.build.load(z, typ=parts[0].type) for z in totals)
        return found if kind in REALS_OF else found[0]

    def _multiply(self, s: Multiply) -> None:
        """Row by row of the left, or, where the right is one column, all rows of the left at once."""
        *batch, M, N = s.target.layout.shape
        K = s.left.layout.shape[-1]
        met = [s.target, s.left, s.right]
        (out_m, _), (left_m, _), (right_k, right_n) = (z.layout.stride()[-2:] for z in met)
        axes = [Axis(n, tuple(z.layout.stride(i) for z in met), False) for i, n in enumerate(batch) if n > 1]
        kind = s.target.dtype
        with self._nest(axes, [z.layout.storage_offset() for z in met]) as (o, x, w):
            if N == 1 < M and right_k == 1:
                self._call("dot", kind, [(o, s.target), (w, s.right), (x, s.left)], (M, K, left_m))
                return
            with self._nest([Axis(M, (out_m, left_m, 0), False)] if M > 1 else [], [o, x, w]) as (o, x, w):
                way, step = ("dot", right_n) if right_k == 1 else ("spread", right_k)
                self._call(way, kind, [(o, s.target), (x, s.left), (w, s.right)], (N, K, step))

    def _call(self, way: str, kind: torch.dtype, operands: list[tuple], sizes: tuple[int, ...]) -> None:
        pointers = [self._pointer(load, place) for place, load in operands]
        self.build.call(product_of_rows(self.build.module, way, in_memory(kind)), [*pointers, *map(word, sizes)])

    @contextmanager
    def _nest(self, axes: list[Axis], places: list) -> Iterator[list[ir.Value]]:
        """Loops over the axes, one in the other; yields where each buffer then stands."""
        if not axes:
            yield [word(p) for p in places]
            return
        axis, *rest = axes
        with counted(self.build, axis.steps) as i:
            moved = [self._moved(p, i, stride) for p, stride in zip(places, axis.strides, strict=True)]
            with self._nest(rest, moved) as inside:
                yield inside

    def _moved(self, place: int | ir.Value, i: ir.Value, stride: int) -> ir.Value:
        if stride == 0:
            return word(place)
        by = i if stride == 1 else self.build.mul(i, word(stride), flags=("nsw",))
        return self.build.add(word(place), by, flags=("nsw",))

    def _value(self, e, met: list[Load], places: list) -> ir.Value:
        return self._numbers(dict(zip(met[1:], places[1:], strict=True))).emit(e)

    def _numbers(self, places: dict[Load, ir.Value]) -> Numbers:
        return Numbers(self.build, lambda load: self._read(load, places[load]))

    def _pointer(self, load: Load, place: ir.Value, part: int = 0) -> ir.Value:
        if load.dtype in REALS_OF:
            place = self.build.add(self.build.mul(place, word(2)), word(part))
        return self.build.gep(self.memory[load.buffer], [place], inbounds=True, source_etype=in_memory(load.dtype))

    def _read(self, load: Load, place: ir.Value) -> ir.Value | tuple[ir.Value, ir.Value]:
        kind = in_memory(load.dtype)
        if load.dtype in REALS_OF:
            return tuple(self.build.load(self._pointer(load, place, part), typ=kind) for part in (0, 1))
        found = self.build.load(self._pointer(load, place), typ=kind)
        return self.build.trunc(found, ir.IntType(1)) if load.dtype == torch.bool else found

    def _store(self, load: Load, place: ir.Value, value) -> None:
        if load.dtype in REALS_OF:
            for part, z in enumerate(value):
                self.build.store(z, self._pointer(load, place, part))
        else:
            value = self.build.zext(value, ir.IntType(8)) if load.dtype == torch.bool else value
            self.build.store(value, self._pointer(load, place))


def _start(reduction: str, kind: torch.dtype) -> float:
    """What changes no other value."""
    if kind.is_floating_point or kind in REALS_OF or reduction == "add":
        return STARTS[reduction]
    return torch.iinfo(kind).min if reduction == "maximum" else torch.iinfo(kind).max


def _axes(met: list[Load], reduces: bool) -> list[Axis]:
    """The fewest loops that visit all elements: axes of one step are none, and axes that follow on are one."""
    axes: list[Axis] = []
    for i, steps in enumerate(met[0].layout.shape):
        if steps == 1:
            continue
        strides = tuple(z.layout.stride(i) for z in met)
        axis = Axis(steps, strides, reduces and strides[0] == 0)
        last = axes[-1] if axes else None
        if last and last.reduced == axis.reduced and last.strides == tuple(s * steps for s in strides):
            axes[-1] = Axis(last.steps * steps, strides, axis.reduced)
        else:
            axes.append(axis)
    return axes
