"""Inputs of `block_scan`, awkward ones first."""
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from reprise.ops.case import Case, Draw, ragged

__all__ = ["blocks", "cases", "usual"]


def cases() -> Iterator[Case]:
    for T in (0, 1, 2, 3, 15, 16, 17, 63):
        yield Case(f"T{T}", blocks(B=2, T=T, H=3, N=4))
    yield Case("no row", blocks(B=0, T=4, H=2, N=3))
    yield Case("one number", blocks(B=1, T=33, H=1, N=1))
    yield Case("one head, more numbers than fit one instruction", blocks(B=2, T=9, H=1, N=19))
    yield Case("many rows", blocks(B=9, T=11, H=8, N=2))
    yield Case("many heads", blocks(B=1, T=5, H=300, N=3))
    yield Case("one head, more numbers than a block", blocks(B=1, T=2, H=1, N=515))
    yield Case("packed and padded", blocks(B=3, T=21, H=2, N=3), ragged([21, 0, 13], [[0, 4], [], [1, 2, 12, 20]], 21))
    for size in (1e-4, 1 - 1e-6):
        yield Case(f"rotations times {size:g}", blocks(B=2, T=50, H=2, N=4, size=size))
    yield Case("growing", blocks(B=1, T=40, H=2, N=3, size=1.05))
    yield Case("T65536", blocks(B=1, T=65536, H=1, N=2, size=1 - 1e-6))


def usual(T: int) -> Case:
    """What a layer gives it: the input of benchmarks."""
    return Case("usual", blocks(B=8, T=T, H=32, N=4))


def blocks(B: int, T: int, H: int, N: int, *, size: float | None = None) -> Callable[[Draw], tuple[Tensor, ...]]:
    """Matrices of norm about one; given a `size`, rotations times that."""

    def make(draw: Draw) -> tuple[Tensor, Tensor, Tensor]:
        A = draw.normal(B, T, H, N, N) / (2 * N**0.5)
        if size is not None:
            A = size * torch.linalg.matrix_exp((A - A.mT).double()).to(A.dtype)
        return A, draw.normal(B, T, H, N), draw.normal(B, H, N)

    return make
