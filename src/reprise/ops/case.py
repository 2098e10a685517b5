"""A sample input of an operation: tests and benchmarks draw on the same list."""
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import torch
from torch import Tensor

from reprise.core.marks import NO_MARKS, Marks

__all__ = ["Case", "Draw", "ragged"]


class Case(NamedTuple):
    """What an operation takes before its marks, made on demand: `op(*case.arguments(dtype), case.marks)`."""

    name: str
    make: Callable[["Draw"], tuple]  # arguments: tensors, or trees of them
    marks: Marks = NO_MARKS
    options: Mapping[str, Any] = MappingProxyType({})  # keyword arguments of the operation
    drift: float = 1.0  # how much further off than usual a fast path may be, where the name says why
    flops: int = 0  # of the matrix products of a forward pass, for benchmarks: additions and multiplications

    def arguments(self, dtype: torch.dtype = torch.float64, seed: int = 0) -> tuple:
        """The same numbers in every precision: drawn in float64, then rounded."""
        return self.make(Draw(dtype, torch.Generator().manual_seed(seed)))


class Draw(NamedTuple):
    """Where a case gets its numbers: the same in every precision."""

    dtype: torch.dtype
    generator: torch.Generator

    def normal(self, *shape: int) -> Tensor:
        return torch.randn(shape, generator=self.generator, dtype=torch.float64).to(self.dtype)

    def uniform(self, low: float, high: float, *shape: int) -> Tensor:
        unit = torch.rand(shape, generator=self.generator, dtype=torch.float64)
        return (low + (high - low) * unit).to(self.dtype)


def ragged(lengths: list[int], starts: list[list[int]], T: int) -> Marks:
    """Marks of a batch with these lengths, and new sequences at these steps of each row."""
    real = torch.arange(T) < torch.tensor(lengths)[:, None]
    fresh = torch.zeros(len(lengths), T, dtype=torch.bool)
    for row, begins in zip(fresh, starts, strict=True):
        row[begins] = True
    return Marks(real, fresh & real)
