"""Inputs of `selective_scan`, awkward ones first."""
from collections.abc import Iterator

import torch
from torch import Tensor

from reprise.ops.case import Case, Draw, ragged
from reprise.ops.selective_scan import Selection

__all__ = ["cases", "selection", "usual"]


def cases() -> Iterator[Case]:
    for T in (0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 63, 130):
        yield Case(f"T{T}", selection(B=2, T=T, D=5, N=3))
    yield Case("no row", selection(B=0, T=5, D=3, N=2))
    yield Case("one channel, one state", selection(B=1, T=33, D=1, N=1))
    yield Case("wide", selection(B=2, T=2, D=256, N=4))  # two blocks of the kernel, and no more
    yield Case("packed and padded", selection(B=3, T=21, D=3, N=2), ragged([21, 0, 13], [[0, 4], [], [1, 2, 12]], 21))
    for log_decay in (-1e-6, -20.0, -1e4):
        yield Case(f"log-decay {log_decay:g}", selection(B=1, T=50, D=3, N=2, log_decay=log_decay))
    yield Case("log-decay mixed", selection(B=1, T=50, D=6, N=3, mixed=True))
    yield Case("T65536", selection(B=1, T=65536, D=2, N=2))


def usual(T: int) -> Case:
    """What a layer gives it: the input of benchmarks."""
    return Case("usual", selection(B=4, T=T, D=512, N=16))


def selection(B: int, T: int, D: int, N: int, *, log_decay: float | None = None, mixed: bool = False):
    """Steps of softplus, unless every log-decay is the same, or steps are anything from 1e-6 to 1e4 (mixed)."""

    def make(draw: Draw) -> tuple[Selection, Tensor, Tensor]:
        u, free, write, read = (draw.normal(B, T, n) for n in (D, D, N, N))
        dt, A = torch.nn.functional.softplus(free), -draw.uniform(0.1, 4.0, D, N)
        if log_decay is not None:
            dt, A = torch.ones_like(dt), torch.full_like(A, log_decay)
        if mixed:
            dt = 10.0 ** draw.uniform(-6.0, 4.0, B, T, D)
        return Selection(u, dt, write, read), A, draw.normal(B, D, N)

    return make
