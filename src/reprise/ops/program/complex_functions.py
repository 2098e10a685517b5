"""The same functions of complex numbers, each a pair of reals."""
from typing import Any

import torch

from reprise.ops.program.functions import Functions

__all__ = ["ComplexFunctions"]

Pair = tuple[Any, Any]


class ComplexFunctions:
    """Each takes the type of the two reals, and pairs."""

    def __init__(self, reals: Functions):
        self.reals = reals

    def add(self, kind: torch.dtype, x: Pair, y: Pair) -> Pair:
        return self.reals.add(kind, x[0], y[0]), self.reals.add(kind, x[1], y[1])

    def sub(self, kind: torch.dtype, x: Pair, y: Pair) -> Pair:
        return self.reals.sub(kind, x[0], y[0]), self.reals.sub(kind, x[1], y[1])

    def mul(self, kind: torch.dtype, x: Pair, y: Pair) -> Pair:
        mul, add, sub = self.reals.mul, self.reals.add, self.reals.sub
        return (sub(kind, mul(kind, x[0], y[0]), mul(kind, x[1], y[1])),
                add(kind, mul(kind, x[0], y[1]), mul(kind, x[1], y[0])))

    def neg(self, kind: torch.dtype, x: Pair) -> Pair:
        return self.reals.neg(kind, x[0]), self.reals.neg(kind, x[1])

    def conj(self, kind: torch.dtype, x: Pair) -> Pair:
        return x[0], self.reals.neg(kind, x[1])

    def abs(self, kind: torch.dtype, x: Pair) -> Any:
        return self.reals.library("hypot", kind, *x)  # their squares may be too large

    def where(self, kind: torch.dtype, condition: Any, x: Pair, y: Pair) -> Pair:
        return tuple(self.reals.where(kind, condition, a, b) for a, b in zip(x, y, strict=True))
