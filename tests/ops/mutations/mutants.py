"""Every small way to break a kernel, from its syntax tree: so the list stays true when the kernel changes."""
import ast
import copy
import zlib
from collections import Counter
from collections.abc import Iterator
from itertools import chain, zip_longest
from typing import NamedTuple

__all__ = ["Mutant", "mutants", "spread"]

Change = tuple[str, ast.AST]  # of what kind, and what stands there instead
Path = tuple[tuple[str, int | None], ...]  # from a function down: a field, and where in it if it is a list
LIMITS = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}
OPPOSITE = {ast.Add: ast.Sub, ast.Sub: ast.Add}


class Mutant(NamedTuple):
    """A kernel with one change."""

    name: str  # kernel: kind: what stood there -> what stands there
    kind: str
    line: int
    function: ast.FunctionDef
    path: Path
    new: ast.AST

    def tree(self) -> ast.FunctionDef:
        """The function with the change, and without decorators."""
        tree = copy.deepcopy(self.function)
        tree.decorator_list = []
        *way, (field, i) = self.path
        node = tree
        for step, at in way:
            node = getattr(node, step) if at is None else getattr(node, step)[at]
        new = copy.deepcopy(self.new)
        if i is None:
            setattr(node, field, new)
        else:
            getattr(node, field)[i] = new
        return ast.fix_missing_locations(tree)


def mutants(function: ast.FunctionDef) -> Iterator[Mutant]:
    """All of them, in the order of the source; those that read the same are numbered."""
    seen, kind = Counter(), "does nothing"
    yield Mutant(f"{function.name}: {kind}", kind, function.lineno, function, (("body", 0),), ast.Return())
    for path, node in _nodes(function, ()):
        for kind, new in _changes(node):
            name = f"{function.name}: {kind}: {_text(node)} -> {_text(new)}"
            seen[name] += 1
            number = f" ({seen[name]})" if seen[name] > 1 else ""
            yield Mutant(name + number, kind, node.lineno, function, path, new)


def spread(found: list[Mutant], most: int) -> list[Mutant]:
    """At most so many, as even over the kinds as can be; which ones does not depend on the lines around them."""
    kinds = {}
    for mutant in sorted(found, key=lambda m: zlib.crc32(m.name.encode())):
        kinds.setdefault(mutant.kind, []).append(mutant)
    in_turns = chain.from_iterable(zip_longest(*(kinds[kind] for kind in sorted(kinds))))
    return [mutant for mutant in in_turns if mutant][:most]


def _nodes(node: ast.AST, path: Path) -> Iterator[tuple[Path, ast.AST]]:
    """All below a function, with the way there."""
    for field, value in ast.iter_fields(node):
        if field in ("args", "decorator_list", "returns") and isinstance(node, ast.FunctionDef):
            continue
        for i, child in enumerate(value if isinstance(value, list) else [value]):
            if isinstance(child, ast.stmt | ast.expr) and not _is_docstring(child):
                way = (*path, (field, i if isinstance(value, list) else None))
                yield way, child
                yield from _nodes(child, way)


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _text(node: ast.AST) -> str:
    """In one line; of a compound statement, its head."""
    return ast.unparse(node).splitlines()[0]


def _changes(node: ast.AST) -> Iterator[Change]:
    rule = RULES.get(type(node))
    return iter(()) if rule is None else rule(node)


def _binary(node: ast.BinOp) -> Iterator[Change]:
    """x + y, x - y, x * y, x / y, x // y, x % y; x & y of truth values."""
    if isinstance(node.op, ast.BitAnd):
        yield from (("condition shortened", one) for one in (node.left, node.right))
        return
    additive = isinstance(node.op, ast.Add | ast.Sub)
    kind = "term dropped" if additive else "factor dropped"
    yield kind, node.left
    if isinstance(node.op, ast.Add | ast.Mult):
        yield kind, node.right
    if additive:
        yield "sign flipped", ast.BinOp(node.left, OPPOSITE[type(node.op)](), node.right)


def _augmented(node: ast.AugAssign) -> Iterator[Change]:
    """x += y and the like."""
    yield "term dropped" if isinstance(node.op, ast.Add | ast.Sub) else "factor dropped", ast.Pass()
    yield "overwritten", ast.Assign([node.target], node.value, lineno=node.lineno)
    if type(node.op) in OPPOSITE:
        yield "sign flipped", ast.AugAssign(node.target, OPPOSITE[type(node.op)](), node.value)


def _unary(node: ast.UnaryOp) -> Iterator[Change]:
    if isinstance(node.op, ast.USub) and not isinstance(node.operand, ast.Constant):
        yield "sign flipped", node.operand
    if isinstance(node.op, ast.Not):
        yield "condition turned", node.operand


def _call(node: ast.Call) -> Iterator[Change]:
    name = node.func.id if isinstance(node.func, ast.Name) else ""
    of_triton = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    if name == "range":
        yield from _shorter(node)
    elif name in ("min", "max") or of_triton == "maximum":
        yield from (("limit ignored", one) for one in node.args)
    elif of_triton == "where":
        yield "condition always True", node.args[1]
        yield "condition always False", node.args[2]
    elif of_triton == "exp" or (name not in ("", "len") and len(node.args) == 1 and not node.keywords):
        yield "function left out", node.args[0]


def _shorter(node: ast.Call) -> Iterator[Change]:
    """A loop without its first turn, or its last."""
    start, stop, *step = node.args if len(node.args) > 1 else [ast.Constant(0), *node.args]
    by = step[0] if step else ast.Constant(1)
    yield "first turn skipped", ast.Call(node.func, [ast.BinOp(start, ast.Add(), by), stop, *step], [])
    yield "last turn skipped", ast.Call(node.func, [start, ast.BinOp(stop, ast.Sub(), by), *step], [])


def _condition(node: ast.If) -> Iterator[Change]:
    for always in (False, True):
        yield f"condition always {always}", ast.If(ast.Constant(always), node.body, node.orelse)


def _either(node: ast.IfExp) -> Iterator[Change]:
    yield "condition always True", node.body
    yield "condition always False", node.orelse


def _part_of_a_condition(node: ast.BoolOp) -> Iterator[Change]:
    yield from (("condition shortened", one) for one in node.values)


def _comparison(node: ast.Compare) -> Iterator[Change]:
    sign = type(node.ops[0])
    if sign in LIMITS:
        yield "limit moved by one", ast.Compare(node.left, [LIMITS[sign]()], node.comparators)


def _assignment(node: ast.Assign) -> Iterator[Change]:
    """What is stored is not; names must keep a value."""
    target = node.targets[0]
    parts = target.elts if isinstance(target, ast.Tuple) else [target]
    if all(isinstance(part, ast.Subscript) for part in parts):
        yield "not written", ast.Pass()


def _statement(node: ast.Expr) -> Iterator[Change]:
    if isinstance(node.value, ast.Call):
        yield "call left out", ast.Pass()


def _continue(node: ast.Continue) -> Iterator[Change]:
    yield "goes on", ast.Pass()


def _subscript(node: ast.Subscript) -> Iterator[Change]:
    """One index by one to either side, from the ends to the other end: a step early or late, a wrong row or channel."""
    if isinstance(node.value, ast.Attribute):  # of a shape
        return
    many = isinstance(node.slice, ast.Tuple)
    indices = node.slice.elts if many else [node.slice]
    for i, index in enumerate(indices):
        if isinstance(index, ast.Slice | ast.Constant):
            continue
        size = ast.Subscript(ast.Attribute(node.value, "shape", ast.Load()), ast.Constant(i), ast.Load())
        for kind, op in (("index one early", ast.Sub()), ("index one late", ast.Add())):
            moved = ast.BinOp(ast.BinOp(index, op, ast.Constant(1)), ast.Mod(), size)
            new = ast.Tuple([*indices[:i], moved, *indices[i + 1 :]], ast.Load()) if many else moved
            yield kind, ast.Subscript(node.value, new, node.ctx)


RULES = {
    ast.BinOp: _binary, ast.AugAssign: _augmented, ast.UnaryOp: _unary, ast.Call: _call, ast.If: _condition,
    ast.IfExp: _either, ast.BoolOp: _part_of_a_condition, ast.Compare: _comparison, ast.Assign: _assignment,
    ast.Expr: _statement, ast.Continue: _continue, ast.Subscript: _subscript,
}
