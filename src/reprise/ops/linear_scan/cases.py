"""Inputs of `linear_scan`, awkward ones first."""
from collections.abc import Iterator

import torch
from torch import Tensor

from reprise.ops.case import Case, Draw, ragged

__all__ = ["cases", "usual"]


def cases() -> Iterator[Case]:
    for T in (0, 1, 2, 3, 15, 16, 17, 63):
        yield Case(f"T{T}", real(B=2, T=T, N=(5,)))
    yield Case("one number", real(B=1, T=33, N=()))
    yield Case("matrices", real(B=2, T=12, N=(2, 3)))
    yield Case("complex", spiral(B=3, T=37, N=3))
    yield Case("wide", real(B=2, T=2, N=(1024,)))  # two blocks of the kernel, and no more
    yield Case("complex, wide", spiral(B=2, T=2, N=512))
    yield Case("decay shared by all rows", shared(B=3, T=20, N=4))
    yield Case("complex, decay shared by all rows", turning(B=2, T=10, N=5))
    yield Case("reverse", real(B=2, T=23, N=(4,)), options={"reverse": True})
    yield Case("packed and padded", real(B=3, T=21, N=(3,)), ragged([21, 0, 13], [[0, 4], [], [1, 2, 12, 20]], 21))
    yield Case("reverse, packed", real(B=2, T=9, N=(3,)), ragged([9, 6], [[4], [1, 2]], 9), {"reverse": True})
    for log_decay in (-1e-6, -20.0, -1e4):
        yield Case(f"log-decay {log_decay:g}", real(B=1, T=50, N=(3,), log_decay=log_decay))
    yield Case("growing", real(B=1, T=40, N=(3,), log_decay=0.05))
    yield Case("T65536", real(B=1, T=65536, N=(1,), log_decay=-1e-6))


def usual(T: int) -> Case:
    """What a layer gives it: the input of benchmarks."""
    return Case("usual", real(B=8, T=T, N=(512,)))


def real(B: int, T: int, N: tuple[int, ...], log_decay: float | None = None):
    def make(draw: Draw) -> tuple[Tensor, Tensor, Tensor]:
        a = torch.sigmoid(draw.normal(B, T, *N)) if log_decay is None else draw.normal(B, T, *N) * 0 + log_decay
        return a if log_decay is None else a.exp(), draw.normal(B, T, *N), draw.normal(B, *N)

    return make


def spiral(B: int, T: int, N: int):
    def make(draw: Draw) -> tuple[Tensor, Tensor, Tensor]:
        a = torch.polar(draw.uniform(0.5, 1.0, B, T, N), draw.uniform(0.0, 6.28, B, T, N))
        b, h = (torch.complex(draw.normal(*shape), draw.normal(*shape)) for shape in ((B, T, N), (B, N)))
        return a, b, h

    return make


def shared(B: int, T: int, N: int):
    def make(draw: Draw) -> tuple[Tensor, Tensor, Tensor]:
        return draw.uniform(0.8, 1.0, N).expand(B, T, N), draw.normal(B, T, N), draw.normal(B, N)

    return make


def turning(B: int, T: int, N: int):
    def make(draw: Draw) -> tuple[Tensor, Tensor, Tensor]:
        a, b, h = spiral(B, T, N)(draw)
        return a[:1, :1].expand(B, T, N), b, h

    return make
