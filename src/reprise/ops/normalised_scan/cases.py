"""Inputs of `normalised_scan`, awkward ones first."""
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from reprise.ops.case import Case, Draw, ragged
from reprise.ops.normalised_scan.average import Running

__all__ = ["average", "cases", "empty", "shared", "usual"]


def cases() -> Iterator[Case]:
    for T in (0, 1, 2, 3, 15, 16, 17, 63):
        yield Case(f"T{T}", average(B=2, T=T, N=(5,)))
    # a logarithm near zero is a row of its own there, and its error relative to it: hence the drift
    for T in (1, 2, 37):
        yield Case(f"a vector with one weight, T{T}", average(B=2, T=T, N=(3, 4), vector=True), drift=10.0)
    yield Case("no row", average(B=0, T=4, N=(3,)))
    yield Case("one number", average(B=1, T=33, N=()))
    yield Case("one head of vectors", average(B=2, T=9, N=(6,), vector=True))
    yield Case("wide", average(B=2, T=2, N=(1024,)))  # two blocks of the kernel, and no more
    yield Case("wide vectors", average(B=2, T=2, N=(256, 4), vector=True), drift=10.0)
    yield Case("one vector longer than a block", average(B=1, T=2, N=(1, 520), vector=True), drift=10.0)
    yield Case("decay shared by all rows", shared(B=3, T=20, N=4))
    yield Case("no decay", average(B=2, T=40, N=(3,), log_decay=0.0))
    yield Case("nothing seen", empty(B=2, T=11, N=(3,)))
    yield Case("nothing seen, vectors", empty(B=2, T=11, N=(2, 3), vector=True))
    unseen = ragged([11, 0, 4], [[3], [], [0, 1]], 11)
    yield Case("nothing seen, packed and padded", empty(B=3, T=11, N=(3,)), unseen)
    yield Case("nothing seen, packed vectors", empty(B=3, T=11, N=(2, 3), vector=True), unseen)
    for N in ((4,), (4, 2)):
        few = empty(B=2, T=5, N=N, vector=len(N) > 1, channels=2)
        yield Case(f"nothing seen in some of {N}, padded", few, ragged([5, 0], [[], []], 5))
    yield Case("some write nothing", silent(B=2, T=11, N=(4,)))
    yield Case("all weights equal", average(B=2, T=12, N=(3,), scale=0.0, log_decay=0.0))
    yield Case("packed and padded", average(B=3, T=21, N=(3,)), ragged([21, 0, 13], [[0, 4], [], [1, 2, 12, 20]], 21))
    yield Case("packed vectors", average(B=2, T=9, N=(2, 3), vector=True), ragged([9, 6], [[4], [1, 2]], 9))
    for log_decay in (-1e-6, -20.0, -1e4):
        yield Case(f"log-decay {log_decay:g}", average(B=1, T=50, N=(3,), log_decay=log_decay))
    far = "weights far beyond the range of exp, where a sum of decays in another order rounds to other maxima"
    yield Case(far, average(B=2, T=50, N=(4,), scale=300.0), drift=10.0)
    yield Case("T65536", average(B=1, T=65536, N=(1,), log_decay=-1e-6))


def usual(T: int) -> Case:
    """What a layer gives it: the input of benchmarks."""
    return Case("usual", average(B=8, T=T, N=(512,)))


def average(
    B: int, T: int, N: tuple[int, ...], *, vector: bool = False, log_decay: float | None = None, scale: float = 1.0
) -> Callable[[Draw], tuple]:
    """Values (B T *N); a weight for each, or for each vector. `scale` times normal log-weights."""
    M = (*N[:-1], 1) if vector else N

    def make(draw: Draw) -> tuple[Tensor, Tensor, Tensor, Running]:
        s, v = draw.normal(B, T, *M) * scale, draw.normal(B, T, *N)
        log_w = torch.nn.functional.logsigmoid(draw.normal(B, T, *M))
        state = Running(draw.normal(B, *N), draw.uniform(1.0, 2.0, B, *M), draw.normal(B, *M) * scale)
        return s, v, log_w if log_decay is None else torch.full_like(log_w, log_decay), state

    return make


def shared(B: int, T: int, N: int) -> Callable[[Draw], tuple]:
    def make(draw: Draw) -> tuple[Tensor, Tensor, Tensor, Running]:
        s, v, _, state = average(B, T, (N,))(draw)
        return s, v, (-draw.uniform(0.1, 2.0, N)).expand(B, T, N), state

    return make


def empty(
    B: int, T: int, N: tuple[int, ...], *, vector: bool = False, channels: int | None = None
) -> Callable[[Draw], tuple]:
    """Nothing seen before, in all channels or the first of them."""

    def make(draw: Draw) -> tuple[Tensor, Tensor, Tensor, Running]:
        *p, (numerator, denominator, maximum) = average(B, T, N, vector=vector)(draw)
        numerator[:, :channels], denominator[:, :channels], maximum[:, :channels] = 0, 0, -torch.inf
        return *p, Running(numerator, denominator, maximum)

    return make


def silent(B: int, T: int, N: tuple[int, ...]) -> Callable[[Draw], tuple]:
    def make(draw: Draw) -> tuple[Tensor, Tensor, Tensor, Running]:
        s, *rest = average(B, T, N)(draw)
        return s.masked_fill(draw.uniform(0.0, 1.0, *s.shape) < 0.3, -torch.inf), *rest

    return make
