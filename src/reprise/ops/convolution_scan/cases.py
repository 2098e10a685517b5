"""Inputs of `convolution_scan`, awkward ones first."""
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from reprise.ops.case import Case, Draw, ragged
from reprise.ops.convolution_scan import Filters

__all__ = ["cases", "oscillators", "usual"]


def cases() -> Iterator[Case]:
    for T in (0, 1, 2, 3, 31, 32, 33, 63):
        yield Case(f"T{T}", oscillators(B=2, T=T, D=3, N=4))
    yield Case("no row", oscillators(B=0, T=4, D=2, N=3))
    yield Case("one number a row, and that near zero at times", oscillators(B=1, T=70, D=1, N=1), drift=10.0)
    padded = ragged([70, 0, 64, 31, 33], [[]] * 5, 70)._replace(fresh=None)
    yield Case("padded", oscillators(B=5, T=70, D=2, N=3), padded)
    yield Case("packed and padded", oscillators(B=3, T=41, D=2, N=3), ragged([41, 0, 13], [[0, 4], [], [1, 2, 12]], 41))
    for size in (1e-4, 1 - 1e-6):
        yield Case(f"sizes to {size:g}", oscillators(B=2, T=90, D=8, N=4, size=size))
    yield Case("T65536", oscillators(B=1, T=65536, D=1, N=2, size=1 - 1e-6))


def usual(T: int) -> Case:
    """What a layer gives it: the input of benchmarks."""
    return Case("usual", oscillators(B=8, T=T, D=64, N=32))


def oscillators(
    B: int, T: int, D: int, N: int, *, size: float = 0.99
) -> Callable[[Draw], tuple[Tensor | Filters, ...]]:
    """Every number turns at a rate of its own, and is at most `size` of itself a step later."""

    def make(draw: Draw) -> tuple[Tensor | Filters, ...]:
        decay = torch.polar(draw.uniform(size / 2, size, D, N), draw.uniform(-3.0, 3.0, D, N))
        gain, C = (torch.complex(draw.normal(D, N), draw.normal(D, N)) for _ in range(2))
        return draw.normal(B, T, D), Filters(decay, gain, C), torch.complex(draw.normal(B, D, N), draw.normal(B, D, N))

    return make
