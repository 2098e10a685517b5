"""A row times a matrix, where memory sets the pace: every number of the matrix is fetched once, in the order it lies.

dot     out[n] = sum_k row[k] matrix[n, k]: rows of the matrix lie whole
spread  out[n] = sum_k row[k] matrix[k, n]: columns go together, four k at a time
"""
import functools
from collections.abc import Sequence

from llvmlite import ir

from reprise.ops.program.control import WORD, carried, word

__all__ = ["product_of_rows"]

WIDE = {"float": 16, "double": 8}  # numbers that are met at once: 64 bytes
ALIGNMENT = {"float": 4, "double": 8}  # bytes
PARTS = 4
ONE_INSTRUCTION, ANY_ORDER = ("contract",), ("contract", "reassoc")


def product_of_rows(module: ir.Module, way: str, real: ir.Type) -> ir.Function:
    """The function (out, row, matrix, N, K, step) of this module, made when it is first asked for."""
    name = f"{way}_{real}"
    if name in module.globals:
        return module.globals[name]
    pointer = ir.PointerType()
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [pointer] * 3 + [WORD] * 3), name)
    function.linkage = "internal"
    function.attributes.add("noinline")
    for argument in function.args[:3]:
        argument.add_attribute("noalias")
    build = ir.IRBuilder(function.append_basic_block("entry"))
    (_dot if way == "dot" else _spread)(build, real, *function.args)
    build.ret_void()
    return function


def _dot(build: ir.IRBuilder, real: ir.Type, *given: ir.Value) -> None:
    carried(build, (word(0), given[3], 1), (), lambda n, _: _meet(build, real, given, n))


def _meet(build: ir.IRBuilder, real: ir.Type, given: Sequence[ir.Value], n: ir.Value) -> tuple:
    """The n-th row of the matrix: `PARTS` wide sums side by side, then one, then number by number to where K ends."""
    out, row, matrix, _, K, step = given
    start, wide = build.mul(n, step), ir.VectorType(real, WIDE[str(real)])

    def meet(kind, k, totals):
        found = []
        for part, total in enumerate(totals):
            at = build.add(k, word(part * WIDE[str(real)]))
            x, w = _load(build, kind, real, row, at), _load(build, kind, real, matrix, build.add(start, at))
            found.append(build.fadd(total, build.fmul(x, w, flags=ONE_INSTRUCTION), flags=ONE_INSTRUCTION))
        return found

    zeros = [ir.Constant(wide, [0.0] * wide.count)] * PARTS
    end = _whole(build, K, PARTS * wide.count)
    totals = carried(build, (word(0), end, PARTS * wide.count), zeros, lambda k, now: meet(wide, k, now))
    total = functools.reduce(lambda x, y: build.fadd(x, y, flags=ANY_ORDER), totals)
    first, end = end, _whole(build, K, wide.count)
    (total,) = carried(build, (first, end, wide.count), [total], lambda k, now: meet(wide, k, now))
    (total,) = carried(build, (end, K, 1), [_sum(build, wide, total)], lambda k, now: meet(real, k, now))
    return _put(build, real, out, n, total)


def _spread(build: ir.IRBuilder, real: ir.Type, *given: ir.Value) -> None:
    out, _, _, N, K, _ = given
    zero = ir.Constant(real, 0.0)
    carried(build, (word(0), N, 1), (), lambda n, _: [*_put(build, real, out, n, zero)])
    together = _whole(build, K, 4)
    for first, last, count in ((word(0), together, 4), (together, K, 1)):
        carried(build, (first, last, count), (), lambda k, _, count=count: _add_rows(build, real, given, k, count))


def _add_rows(build: ir.IRBuilder, real: ir.Type, given: Sequence[ir.Value], k: ir.Value, count: int) -> tuple:
    out, row, matrix, N, _, step = given
    factors = [_load(build, real, real, row, build.add(k, word(i))) for i in range(count)]
    starts = [build.mul(build.add(k, word(i)), step) for i in range(count)]

    def body(n, _):
        total = _load(build, real, real, out, n)
        for factor, start in zip(factors, starts, strict=True):
            product = build.fmul(factor, _load(build, real, real, matrix, build.add(start, n)), flags=ONE_INSTRUCTION)
            total = build.fadd(total, product, flags=ONE_INSTRUCTION)
        return _put(build, real, out, n, total)

    carried(build, (word(0), N, 1), (), body)
    return ()


def _whole(build: ir.IRBuilder, n: ir.Value, of: int) -> ir.Value:
    return build.sub(n, build.srem(n, word(of)))


def _at(build: ir.IRBuilder, real: ir.Type, pointer: ir.Value, place: ir.Value) -> ir.Value:
    return build.gep(pointer, [place], inbounds=True, source_etype=real)


def _load(build: ir.IRBuilder, kind: ir.Type, real: ir.Type, pointer: ir.Value, place: ir.Value) -> ir.Value:
    return build.load(_at(build, real, pointer, place), typ=kind, align=ALIGNMENT[str(real)])


def _put(build: ir.IRBuilder, real: ir.Type, pointer: ir.Value, place: ir.Value, value: ir.Value) -> tuple:
    build.store(value, _at(build, real, pointer, place))
    return ()


def _sum(build: ir.IRBuilder, wide: ir.VectorType, z: ir.Value) -> ir.Value:
    name = f"llvm.vector.reduce.fadd.v{wide.count}f{ALIGNMENT[str(wide.element)] * 8}"
    signature = ir.FunctionType(wide.element, [wide.element, wide])
    reduce = build.module.globals.get(name) or ir.Function(build.module, signature, name)
    return build.call(reduce, [ir.Constant(wide.element, -0.0), z], fastmath=ANY_ORDER)
