"""From an expression to machine instructions, for one element."""
from collections.abc import Callable
from typing import Any

import torch
from llvmlite import ir

from reprise.ops.program.complex_functions import ComplexFunctions
from reprise.ops.program.expressions import Apply, Expression, Load
from reprise.ops.program.functions import COMPARISONS, LIBRARY, TYPES, Functions

__all__ = ["FUNCTIONS", "OF_THEIR_OWN_KIND", "REALS_OF", "Numbers", "in_memory", "knows"]

REALS_OF = {torch.complex64: torch.float32, torch.complex128: torch.float64}
FUNCTIONS = {name for name in vars(Functions) if not name.startswith("_")} - {"number", "library"} | LIBRARY | {"conj"}
OF_THEIR_OWN_KIND = {*COMPARISONS, "complex", "polar", "abs", "logical_not", "isnan"}  # where the result's may differ
TRUTHS = {"mul", "where", "eq", "ne", "logical_not", "isnan", "bitwise_not", "bitwise_and", "bitwise_or"}
WHOLE = {*TRUTHS, *COMPARISONS, "add", "sub", "rsub", "neg", "abs", "maximum", "minimum", "clamp", "relu", "square",
         "remainder"}
ANY_ORDER = ("contract", "reassoc")


def knows(function: str, kind: torch.dtype) -> bool:
    """Whether there are instructions for it that do to numbers of this type what torch does."""
    if kind in REALS_OF:
        return hasattr(ComplexFunctions, function)
    if kind.is_floating_point:
        return kind in TYPES
    return function in (TRUTHS if kind == torch.bool else WHOLE)


def in_memory(dtype: torch.dtype) -> ir.Type:
    """What lies there: a truth value is a byte, a complex number two of these."""
    return ir.IntType(8) if dtype == torch.bool else TYPES[REALS_OF.get(dtype, dtype)]


class Numbers:
    """Emits into the block that is built; `read(load)` emits what fetches an element from memory."""

    def __init__(self, build: ir.IRBuilder, read: Callable[[Load], Any]):
        self.build, self.read = build, read
        self.reals = Functions(build)
        self.pairs = ComplexFunctions(self.reals)

    def emit(self, e: Expression) -> Any:
        if isinstance(e, Load):
            return self.read(e)
        if e.function == "convert":
            return self.convert(self.emit(e.arguments[0]), e.arguments[0].dtype, e.dtype)
        kind = next(a.dtype for a in reversed(e.arguments) if isinstance(a, Apply | Load))
        given = [self.emit(a) if isinstance(a, Apply | Load) else a if a is None else self.number(a, kind)
                 for a in e.arguments]
        return self.apply(e.function, kind, *given)

    def apply(self, function: str, kind: torch.dtype, *given: Any) -> Any:
        if kind in REALS_OF:
            return getattr(self.pairs, function)(REALS_OF[kind], *given)
        if function in LIBRARY:
            return self.reals.library(function, kind, *given)
        return getattr(self.reals, function)(kind, *given)

    def combine(self, function: str, kind: torch.dtype, total: Any, x: Any) -> Any:
        """One more value of a reduction; sums may be taken in any order."""
        if function == "add" and kind.is_floating_point:
            return self.build.fadd(total, x, flags=ANY_ORDER)
        return self.apply(function, kind, total, x)

    def number(self, value: complex, kind: torch.dtype) -> Any:
        if kind in REALS_OF:
            return tuple(self.reals.number(part, REALS_OF[kind]) for part in (complex(value).real, complex(value).imag))
        return self.reals.number(value, kind)

    def convert(self, x: Any, source: torch.dtype, target: torch.dtype) -> Any:
        build = self.build
        if source == target:
            return x
        if target in REALS_OF:
            pair = x if source in REALS_OF else (x, self.number(0, source))
            return tuple(self.convert(z, REALS_OF.get(source, source), REALS_OF[target]) for z in pair)
        if target == torch.bool:
            return self.reals.ne(source, x, self.number(0, source))
        into = TYPES[target]
        if source.is_floating_point and target.is_floating_point:
            return (build.fpext if target == torch.float64 else build.fptrunc)(x, into)
        if source.is_floating_point:
            return build.fptosi(x, into)
        if target.is_floating_point:
            return (build.uitofp if source == torch.bool else build.sitofp)(x, into)
        return build.zext(x, into) if source == torch.bool else (
            build.sext if target == torch.int64 else build.trunc)(x, into)
