"""Inputs of `triangular_scan`, awkward ones first."""
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from reprise.ops.case import Case, Draw, ragged
from reprise.ops.triangular_scan import Triangle

__all__ = ["cases", "slowing", "usual"]


def cases() -> Iterator[Case]:
    for T in (0, 1, 2, 3, 15, 16, 17, 63):
        yield Case(f"T{T}", slowing(B=2, T=T, D=3, N=4))
    yield Case("no row", slowing(B=0, T=4, D=2, N=3))
    yield Case("one number", slowing(B=1, T=33, D=1, N=1))
    yield Case("many numbers", slowing(B=1, T=30, D=2, N=24))
    yield Case("packed and padded", slowing(B=3, T=21, D=2, N=3), ragged([21, 0, 13], [[0, 4], [], [1, 2, 12, 20]], 21))
    yield Case("late", slowing(B=2, T=40, D=2, N=5, first=10**6))
    yield Case("T65536", slowing(B=1, T=65536, D=1, N=2))


def usual(T: int) -> Case:
    """What a layer gives it: the input of benchmarks."""
    return Case("usual", slowing(B=8, T=T, D=64, N=32))


def slowing(B: int, T: int, D: int, N: int, *, first: int = 1) -> Callable[[Draw], tuple[Tensor | Triangle, ...]]:
    """Steps of 1 / k, k counted from `first`, of nearly the system of HiPPO-LegS."""

    def make(draw: Draw) -> tuple[Tensor | Triangle, ...]:
        n = torch.arange(N, dtype=torch.float64)
        system = ((2 * n + 1).sqrt(), (2 * n + 1).sqrt(), n + 1, (2 * n + 1).sqrt())
        system = Triangle(*(z.to(draw.dtype) * draw.uniform(0.9, 1.1, N) for z in system))
        half = (0.5 / torch.arange(first, first + T, dtype=torch.float64)).to(draw.dtype).repeat(B, 1)
        return draw.normal(B, T, D), half, system, draw.normal(B, D, N)

    return make
