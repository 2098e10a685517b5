"""Inputs of `short_convolution`, awkward ones first."""
from collections.abc import Iterator

from torch import Tensor

from reprise.ops.case import Case, Draw, ragged

__all__ = ["cases", "taps", "usual"]


def cases() -> Iterator[Case]:
    for T in (0, 1, 2, 3, 4, 5, 63):
        yield Case(f"T{T}", taps(B=2, T=T, D=3, W=4))
    yield Case("one tap", taps(B=2, T=9, D=3, W=1))
    yield Case("one tap, packed and padded", taps(B=2, T=9, D=3, W=1), ragged([9, 4], [[0, 4], [2]], 9))
    yield Case("no row", taps(B=0, T=5, D=3, W=4))
    yield Case("one channel", taps(B=1, T=12, D=1, W=3))
    yield Case("more taps than steps", taps(B=2, T=3, D=2, W=7))
    yield Case("wide", taps(B=2, T=3, D=1024, W=4))  # two pieces of the kernel, and no more
    yield Case("two stretches", taps(B=2, T=512, D=2, W=4))
    yield Case("two stretches, wide", taps(B=2, T=257, D=513, W=2))
    for W in (2, 4, 9):
        packed = ragged([21, 0, 13, 2, 2], [[0, 4, 20], [], [1, 2, 12], [], [0]], 21)
        yield Case(f"packed and padded, {W} taps", taps(B=5, T=21, D=3, W=W), packed)
    yield Case("T65536", taps(B=1, T=65536, D=2, W=4))


def usual(T: int) -> Case:
    """What a layer gives it: the input of benchmarks."""
    return Case("usual", taps(B=8, T=T, D=512, W=4))


def taps(B: int, T: int, D: int, W: int):
    def make(draw: Draw) -> tuple[Tensor, Tensor, Tensor]:
        return draw.normal(B, T, D), draw.normal(W, D), draw.normal(B, W - 1, D)

    return make
