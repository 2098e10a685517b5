"""From the operations that torch recorded to loops over elements, reductions and matrix products."""
import operator
from collections.abc import Callable
from math import prod
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.fx import Node

from reprise.ops.program.expressions import Apply, Expression, Load, broadcast, layout_like, map_loads, shape_of
from reprise.ops.program.functions import COMPARISONS
from reprise.ops.program.numbers import FUNCTIONS, OF_THEIR_OWN_KIND, knows

__all__ = ["Buffer", "Fill", "Lowering", "Multiply", "Statement", "Unsupported", "is_view"]

KINDS = {torch.float32, torch.float64, torch.complex64, torch.complex128, torch.int64, torch.int32, torch.bool}
REDUCTIONS = {"sum": "add", "mean": "add", "amax": "maximum", "amin": "minimum"}
COPIES = {"clone", "_to_copy", "lift_fresh_copy"}
LAZY = {"_conj": "conj", "_neg_view": "neg"}  # views that stand for a function


class Unsupported(Exception):
    """There is no loop for this operation."""


class Buffer(NamedTuple):
    role: str  # input, constant, scratch or output
    dtype: torch.dtype
    size: int  # elements


class Fill(NamedTuple):
    """target = value; or, along axes of stride zero in the target, the total of all values that meet there."""

    target: Load
    value: Expression
    reduction: str | None = None


class Multiply(NamedTuple):
    """target (M N) = left (M K) @ right (K N)."""

    target: Load
    left: Load
    right: Load


Statement = Fill | Multiply


class Lowering:
    """Goes through a recorded graph, node by node; `values` are what the nodes were in the recording."""

    def __init__(self, values: dict[Node, Any]):
        self.values = values
        self.buffers: list[Buffer] = []
        self.statements: list[Statement] = []
        self.constants: list[Node] = []
        self.results: list[Load] = []
        self._known: dict[Node, Any] = {}

    def input(self, node: Node) -> None:
        self._known[node] = Load(self._buffer("input", self.values[node]), layout_like(self.values[node]))

    def node(self, node: Node) -> None:
        name = _name(node)
        if node.target is operator.getitem:
            self._known[node] = self._known[node.args[0]][node.args[1]]
        elif name in LAZY:
            e = self._of(node.args[0])
            self._known[node] = Apply(LAZY[name], (e,), e.dtype)
        elif is_view(node):
            self._known[node] = self._view(node)
        elif name.rstrip("_") in FUNCTIONS:
            self._known[node] = self._pointwise(node, name.rstrip("_"))
        elif (special := getattr(self, f"_lower_{name}", None)) is not None:
            self._known[node] = special(node)
        elif name in REDUCTIONS:
            self._known[node] = self._reduce(node, REDUCTIONS[name])
        elif name in COPIES:
            self._known[node] = self._convert(self._of(node.args[0]), self.values[node].dtype)
        else:
            raise Unsupported(name)
        if name.endswith("_"):  # in place: from here on the argument is the result
            self._known[node.args[0]] = self._known[node]
        if isinstance(self._known[node], Apply) and _uses(node) > 1:
            self._known[node] = self._stored(self._known[node])

    def output(self, nodes: list[Node]) -> None:
        """Every result in memory of its own: where it was made, if that can be handed out."""
        for node in nodes:
            value, z = self._of(node), self.values[node]
            like = torch.empty(z.shape, dtype=z.dtype, device="meta")
            made = self.buffers[value.buffer] if isinstance(value, Load) else None
            if made == Buffer("scratch", z.dtype, z.numel()) and value.layout.is_contiguous():
                self.buffers[value.buffer] = made._replace(role="output")
                target = Load(value.buffer, like)
            else:
                target = Load(self._buffer("output", like), like)
                self._add(Fill(target, value))
            self.results.append(target)

    def _add(self, statement: Statement) -> None:
        """Where there is something to do: loops run at least once."""
        shapes = [z.layout.shape for z in statement if isinstance(z, Load)]
        if all(0 not in shape for shape in shapes):
            self.statements.append(statement)
        elif 0 not in shapes[0]:
            raise Unsupported("a sum of nothing")

    def _of(self, node: Node) -> Expression:
        if node not in self._known:  # a constant that no one asked for yet
            value = self.values[node].resolve_conj().resolve_neg()
            self._known[node] = Load(self._buffer("constant", value), layout_like(value))
            self.constants.append(node)
        return self._known[node]

    def _buffer(self, role: str, like: Tensor) -> int:
        if like.dtype not in KINDS:
            raise Unsupported(str(like.dtype))
        self.buffers.append(Buffer(role, like.dtype, like.numel()))
        return len(self.buffers) - 1

    def _new(self, shape: tuple[int, ...], dtype: torch.dtype) -> Load:
        like = torch.empty(tuple(shape), dtype=dtype, device="meta")
        return Load(self._buffer("scratch", like), like)

    def _stored(self, e: Expression) -> Load:
        """In memory, once."""
        return e if isinstance(e, Load) else self._in_order(e)

    def _view(self, node: Node) -> Any:
        source = self._of(node.args[0])
        if _name(node) == "as_strided" or any(isinstance(a, torch.dtype) for a in node.args):
            raise Unsupported("a view that hangs on how numbers lie in memory")
        if _name(node).startswith("view_as"):
            source = self._stored(source)

        def look(layout: Tensor) -> Any:
            return node.target(layout, *node.args[1:], **node.kwargs)

        if isinstance(self.values[node], list | tuple):
            return [map_loads(lambda layout, i=i: look(layout)[i], source) for i in range(len(self.values[node]))]
        try:
            return map_loads(look, source)
        except RuntimeError:  # no strides look at it so: in order, they do
            return map_loads(look, self._in_order(source))

    def _in_order(self, e: Expression) -> Load:
        target = self._new(shape_of(e), e.dtype)
        self._add(Fill(target, e))
        return target

    def _convert(self, e: Expression, dtype: torch.dtype) -> Expression:
        if dtype not in KINDS or (e.dtype.is_complex and not dtype.is_complex):
            raise Unsupported(f"{e.dtype} as {dtype}")
        return e if e.dtype == dtype else Apply("convert", (e,), dtype)

    def _pointwise(self, node: Node, name: str) -> Expression:
        like, given = self.values[node], [a for a in node.args if a is not None or name == "clamp"]
        operands = [self.values[a] if isinstance(a, Node) else a for a in given if a is not None]
        kind = like.dtype
        if name in OF_THEIR_OWN_KIND:
            kind = torch.result_type(*operands) if len(operands) == 2 else operands[0].dtype
        if not knows(name, kind) or node.kwargs.keys() - {"alpha"}:
            raise Unsupported(f"{node.target} of {kind}")
        alpha = node.kwargs.get("alpha", 1)
        arguments = []
        for i, a in enumerate(given):
            if isinstance(a, Node):
                e = broadcast(self._of(a), like.shape)
                a = e if (name == "where" and i == 0) or name == "logical_not" else self._convert(e, kind)
            arguments.append(a)
        if alpha != 1:
            other = arguments[1]
            arguments[1] = Apply("mul", (other, alpha), kind) if isinstance(other, Load | Apply) else other * alpha
        return Apply(name, tuple(arguments), like.dtype if name not in COMPARISONS else torch.bool)

    def _reduce(self, node: Node, function: str) -> Expression:
        e, like = self._of(node.args[0]), self.values[node]
        shape = shape_of(e)
        if not shape:
            return self._convert(e, like.dtype)
        if not knows(function, like.dtype) or (0 in shape and like.numel()):
            raise Unsupported(f"{node.target} of {tuple(shape)} in {like.dtype}")
        wanted = node.args[1] if len(node.args) > 1 and node.args[1] else range(len(shape))
        axes = {axis % len(shape) for axis in ([wanted] if isinstance(wanted, int) else wanted)}
        target = self._new([1 if i in axes else n for i, n in enumerate(shape)], like.dtype)
        self._add(Fill(broadcast(target, shape), self._convert(e, like.dtype), function))
        result = map_loads(lambda layout: layout.view(like.shape), target)
        if _name(node) == "mean":
            return Apply("mul", (result, 1 / prod(shape[i] for i in axes)), like.dtype)
        return result

    def _lower_cat(self, node: Node) -> Expression:
        like, axis = self.values[node], node.args[1] if len(node.args) > 1 else 0
        target, begin = self._new(like.shape, like.dtype), 0
        for part in node.args[0]:
            size = self.values[part].shape[axis] if self.values[part].ndim == like.ndim else 0
            if size:
                place = map_loads(lambda layout, b=begin, n=size: layout.narrow(axis, b, n), target)
                self._add(Fill(place, self._convert(self._of(part), like.dtype)))
            begin += size
        return target

    def _lower_mm(self, node: Node) -> Expression:
        return self._product(self.values[node], *(self._of(a) for a in node.args))

    _lower_bmm = _lower_mm

    def _lower_addmm(self, node: Node) -> Expression:
        if node.kwargs:
            raise Unsupported("a scaled product")
        like, (bias, left, right) = self.values[node], (self._of(a) for a in node.args)
        return Apply("add", (broadcast(bias, like.shape), self._product(like, left, right)), like.dtype)

    _lower_baddbmm = _lower_addmm

    def _product(self, like: Tensor, left: Expression, right: Expression) -> Load:
        """Rows of the left lie whole, and of the right either columns or rows."""
        if not like.dtype.is_floating_point:
            raise Unsupported(f"a product of {like.dtype}")
        target, left, right = self._new(like.shape, like.dtype), self._stored(left), self._stored(right)
        if left.layout.stride(-1) != 1:
            left = self._in_order(left)
        if 1 not in right.layout.stride()[-2:]:
            right = self._in_order(right)
        self._add(Multiply(target, left, right))
        return target


def _name(node: Node) -> str:
    return node.target._schema.name.partition("::")[2] if hasattr(node.target, "_schema") else str(node.target)


def is_view(node: Node) -> bool:
    """Whether the result lies where the argument does."""
    if _name(node) == "_unsafe_view":
        return True
    returned: Callable = getattr(node.target, "_schema", None)
    alias = returned.returns[0].alias_info if returned is not None and returned.returns else None
    return alias is not None and not alias.is_write


def _uses(node: Node) -> int:
    """How many loops would compute it anew."""
    return sum(_uses(user) if user.op == "call_function" and (is_view(user) or user.target is operator.getitem)
               else 1 for user in node.users)
