"""The functions of numbers that a program knows, as machine instructions a compiler can make wide.

exp in float32 is 2^n e^r with |r| <= ln(2) / 2 and the Taylor series of e^r, for a call of the C library cannot be made
wide; what is rare in a step (log, sine ...) is such a call.
"""
import math
from typing import Any

import torch
from llvmlite import ir

__all__ = ["COMPARISONS", "LIBRARY", "TYPES", "Functions"]

TYPES = {torch.float32: ir.FloatType(), torch.float64: ir.DoubleType(), torch.int64: ir.IntType(64),
         torch.int32: ir.IntType(32), torch.bool: ir.IntType(1)}
COMPARISONS = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
LIBRARY = {"log", "log2", "log10", "log1p", "expm1", "sin", "cos", "tan", "erf", "atan", "asin", "acos", "sinh", "cosh"}
SMOOTH = ("contract",)  # a product and a sum may become one instruction
TANH = (-1 / 3, 2 / 15, -17 / 315, 62 / 2835, -1382 / 155925)  # tanh x = x + x (-x^2 / 3 + 2 x^4 / 15 ...)


class Functions:
    """Each takes the type of its arguments and the arguments, and emits the result into the block that is built."""

    def __init__(self, build: ir.IRBuilder):
        self.build = build

    def number(self, value: float, kind: torch.dtype) -> Any:
        return ir.Constant(TYPES[kind], float(value) if kind.is_floating_point else int(value))

    def _compare(self, sign: str, kind: torch.dtype, x: Any, y: Any) -> Any:
        if kind.is_floating_point:
            return (self.build.fcmp_unordered if sign == "!=" else self.build.fcmp_ordered)(sign, x, y)
        return self.build.icmp_signed(sign, x, y)

    def _intrinsic(self, name: str, kind: torch.dtype, *x: Any) -> Any:
        signature = ir.FunctionType(TYPES[kind], [TYPES[kind]] * len(x))
        return self.build.call(self.build.module.declare_intrinsic(f"llvm.{name}", [TYPES[kind]], signature), x)

    def library(self, name: str, kind: torch.dtype, *x: Any) -> Any:
        """A call of the C library, one number at a time."""
        symbol, module = name + ("f" if kind == torch.float32 else ""), self.build.module
        signature = ir.FunctionType(TYPES[kind], [TYPES[kind]] * len(x))
        return self.build.call(module.globals.get(symbol) or ir.Function(module, signature, symbol), x)

    def add(self, kind, x, y):
        return self.build.fadd(x, y, flags=SMOOTH) if kind.is_floating_point else self.build.add(x, y)

    def sub(self, kind, x, y):
        return self.build.fsub(x, y, flags=SMOOTH) if kind.is_floating_point else self.build.sub(x, y)

    def mul(self, kind, x, y):
        return self.build.fmul(x, y, flags=SMOOTH) if kind.is_floating_point else self.build.mul(x, y)

    def rsub(self, kind, x, y):
        return self.sub(kind, y, x)

    def div(self, kind, x, y):
        return self.build.fdiv(x, y)

    def neg(self, kind, x):
        return self.build.fneg(x) if kind.is_floating_point else self.build.neg(x)

    def abs(self, kind, x):
        if kind.is_floating_point:
            return self._intrinsic("fabs", kind, x)
        return self.build.select(self.build.icmp_signed("<", x, self.number(0, kind)), self.build.neg(x), x)

    def maximum(self, kind, x, y):
        """A value that is not a number stays."""
        larger = self.build.select(self._compare(">", kind, x, y), x, y)
        return self.build.select(self._compare("!=", kind, x, x), x, larger) if kind.is_floating_point else larger

    def minimum(self, kind, x, y):
        smaller = self.build.select(self._compare("<", kind, x, y), x, y)
        return self.build.select(self._compare("!=", kind, x, x), x, smaller) if kind.is_floating_point else smaller

    def clamp(self, kind, x, low, high=None):
        """Bounds that are no plain numbers may be none at all, and then so is the result."""
        if isinstance(low, ir.Constant):
            x = self.build.select(self._compare("<", kind, x, low), low, x)
        elif low is not None:
            x = self.maximum(kind, x, low)
        if isinstance(high, ir.Constant):
            return self.build.select(self._compare(">", kind, x, high), high, x)
        return x if high is None else self.minimum(kind, x, high)

    def relu(self, kind, x):
        return self.clamp(kind, x, self.number(0, kind))

    def sqrt(self, kind, x):
        return self._intrinsic("sqrt", kind, x)

    def rsqrt(self, kind, x):
        return self.build.fdiv(self.number(1, kind), self.sqrt(kind, x))

    def reciprocal(self, kind, x):
        return self.build.fdiv(self.number(1, kind), x)

    def square(self, kind, x):
        return self.mul(kind, x, x)

    def pow(self, kind, x, y):
        if isinstance(y, ir.Constant) and y.constant in (2, 3, 0.5, -1):
            match y.constant:
                case 2:
                    return self.mul(kind, x, x)
                case 3:
                    return self.mul(kind, x, self.mul(kind, x, x))
                case 0.5:
                    return self.sqrt(kind, x)
            return self.reciprocal(kind, x)
        return self._intrinsic("pow", kind, x, y)

    def floor(self, kind, x):
        return self._intrinsic("floor", kind, x)

    def remainder(self, kind, x, y):
        """Of the sign of y, as in Python."""
        build, zero = self.build, self.number(0, kind)
        rest = build.frem(x, y) if kind.is_floating_point else build.srem(x, y)
        across = build.xor(self._compare("<", kind, rest, zero), self._compare("<", kind, y, zero))
        across = build.and_(across, self._compare("!=", kind, rest, zero))
        return build.select(across, self.add(kind, rest, y), rest)

    def where(self, kind, condition, x, y):
        return self.build.select(condition, x, y)

    def complex(self, kind, x, y):
        return x, y

    def logical_not(self, kind, x):
        return self._compare("==", kind, x, self.number(0, kind))

    def bitwise_not(self, kind, x):
        return self.build.not_(x)

    def bitwise_and(self, kind, x, y):
        return self.build.and_(x, y)

    def bitwise_or(self, kind, x, y):
        return self.build.or_(x, y)

    def isnan(self, kind, x):
        return self._compare("!=", kind, x, x)

    def exp2(self, kind, x):
        return self.exp(kind, self.mul(kind, x, self.number(math.log(2), kind)))

    def sigmoid(self, kind, x):
        one = self.number(1, kind)
        return self.build.fdiv(one, self.add(kind, one, self.exp(kind, self.neg(kind, x))))

    def tanh(self, kind, x):
        """Through exp(2 |x|) - 1, for which small x have a series of their own."""
        if kind == torch.float64:
            return self.library("tanh", kind, x)
        number, size = (lambda v: self.number(v, kind)), self.abs(kind, x)
        e = self.exp(kind, self.mul(kind, number(2), self.clamp(kind, size, None, number(20))))
        large = self.sub(kind, number(1), self.build.fdiv(number(2), self.add(kind, e, number(1))))
        square, series = self.mul(kind, x, x), number(TANH[-1])
        for coefficient in reversed(TANH[:-1]):
            series = self.add(kind, self.mul(kind, series, square), number(coefficient))
        small = self.mul(kind, x, self.add(kind, number(1), self.mul(kind, square, series)))
        signed = self._intrinsic("copysign", kind, large, x)
        return self.build.select(self._compare("<", kind, size, number(0.25)), small, signed)

    def exp(self, kind, x):
        if kind == torch.float64:
            return self._intrinsic("exp", kind, x)
        build, number = self.build, lambda v: self.number(v, kind)
        x, shifter = self.clamp(kind, x, number(-104.0), number(89.0)), number(1.5 * 2**23)
        shifted = build.fadd(build.fmul(x, number(1 / math.log(2))), shifter)  # rounds to a whole number
        n = build.fsub(shifted, shifter)
        r = self.sub(kind, self.sub(kind, x, self.mul(kind, n, number(0.693359375))),
                      self.mul(kind, n, number(-2.12194440e-4)))
        series = number(1 / math.factorial(7))
        for k in range(6, -1, -1):
            series = self.add(kind, self.mul(kind, series, r), number(1 / math.factorial(k)))
        whole = build.sub(build.bitcast(shifted, ir.IntType(32)), ir.Constant(ir.IntType(32), 0x4B400000))
        half = build.ashr(whole, ir.Constant(ir.IntType(32), 1))  # in two halves: 2^n alone may be no normal number
        for exponent in (half, build.sub(whole, half)):
            bits = build.shl(build.add(exponent, ir.Constant(ir.IntType(32), 127)), ir.Constant(ir.IntType(32), 23))
            series = build.fmul(series, build.bitcast(bits, TYPES[kind]))
        return series


for _name, _sign in COMPARISONS.items():
    setattr(Functions, _name, lambda self, kind, x, y, _sign=_sign: self._compare(_sign, kind, x, y))
