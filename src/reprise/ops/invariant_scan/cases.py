"""Inputs of `invariant_scan`, awkward ones first."""
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from reprise.ops.case import Case, Draw, ragged

__all__ = ["cases", "matrices", "usual"]


def cases() -> Iterator[Case]:
    for T in (0, 1, 2, 3, 15, 16, 17, 63):
        yield Case(f"T{T}", matrices(B=2, T=T, H=3, N=4))
    yield Case("no row", matrices(B=0, T=4, H=2, N=3))
    yield Case("one number", matrices(B=1, T=33, H=1, N=1))
    yield Case("one matrix for all blocks", matrices(B=2, T=20, H=5, N=4, shared=True))
    yield Case("one block, more numbers than fit one instruction", matrices(B=2, T=9, H=1, N=19))
    packed = ragged([21, 0, 13], [[0, 4], [], [1, 2, 12, 20]], 21)
    yield Case("packed and padded", matrices(B=3, T=21, H=2, N=3), packed)
    yield Case("one matrix, packed and padded", matrices(B=3, T=21, H=2, N=3, shared=True), packed)
    for size in (1e-4, 1 - 1e-6):
        yield Case(f"rotations times {size:g}", matrices(B=2, T=50, H=2, N=4, size=size))
    yield Case("growing", matrices(B=1, T=40, H=2, N=3, size=1.05))
    yield Case("T65536", matrices(B=1, T=65536, H=1, N=2, size=1 - 1e-6))


def usual(T: int) -> Case:
    """What a layer gives it: the input of benchmarks."""
    return Case("usual", matrices(B=8, T=T, H=32, N=32), flops=2 * 8 * T * 32 * 32 * 32)


def matrices(
    B: int, T: int, H: int, N: int, *, shared: bool = False, size: float | None = None
) -> Callable[[Draw], tuple[Tensor, ...]]:
    """Matrices of norm about one; given a `size`, rotations times that."""

    def make(draw: Draw) -> tuple[Tensor, Tensor, Tensor]:
        A = draw.normal(1 if shared else H, N, N) / (2 * N**0.5)
        if size is not None:
            A = size * torch.linalg.matrix_exp((A - A.mT).double()).to(A.dtype)
        return draw.normal(B, T, H, N), A, draw.normal(B, H, N)

    return make
