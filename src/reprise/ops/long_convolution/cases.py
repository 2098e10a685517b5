"""Inputs of `long_convolution`, awkward ones first."""
from collections.abc import Iterator

from torch import Tensor

from reprise.ops.case import Case, Draw, ragged

__all__ = ["cases", "taps", "usual"]


def cases() -> Iterator[Case]:
    for T in (0, 1, 2, 3, 4, 5, 63):
        yield Case(f"T{T}", taps(B=2, T=T, C=3, D=2, W=4))
    yield Case("one tap", taps(B=2, T=9, C=2, D=3, W=1))
    yield Case("one tap, packed and padded", taps(B=2, T=9, C=3, D=3, W=1), ragged([9, 4], [[0, 4], [2]], 9))
    yield Case("no row", taps(B=0, T=5, C=3, D=3, W=4))
    yield Case("one channel", taps(B=1, T=12, C=1, D=1, W=3))
    yield Case("more taps than steps", taps(B=2, T=3, C=2, D=2, W=7))
    for T in (64, 65, 200):
        yield Case(f"around blocks, {T}", taps(B=2, T=T, C=2, D=3, W=5))
    yield Case("blocks as long as the kernel", taps(B=2, T=300, C=2, D=2, W=128))
    for W in (2, 4, 9):
        packed = ragged([21, 0, 13, 2, 2], [[0, 4, 20], [], [1, 2, 12], [], [0]], 21)
        yield Case(f"packed and padded, {W} taps", taps(B=5, T=21, C=3, D=2, W=W), packed)
    yield Case("padded", taps(B=3, T=70, C=3, D=2, W=9), ragged([70, 0, 13], [[], [], []], 70)._replace(fresh=None))
    yield Case("T65536", taps(B=1, T=65536, C=2, D=2, W=16))


def usual(T: int) -> Case:
    """What a layer gives it: the input of benchmarks."""
    return Case("usual", taps(B=8, T=T, C=32, D=32, W=128), flops=2 * 8 * T * 128 * 32 * 32)


def taps(B: int, T: int, C: int, D: int, W: int):
    def make(draw: Draw) -> tuple[Tensor, Tensor, Tensor]:
        return draw.normal(B, T, C), draw.normal(W, C, D), draw.normal(B, W - 1, C)

    return make
