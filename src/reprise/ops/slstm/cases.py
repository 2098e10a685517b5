"""Inputs of `slstm`, awkward ones first."""
from collections.abc import Callable, Iterator

from torch import Tensor

from reprise.ops.case import Case, Draw, ragged
from reprise.ops.slstm.reference import SLSTMMemory, nothing

__all__ = ["cases", "usual"]


def cases() -> Iterator[Case]:
    for T in (0, 1, 2, 3, 17, 63):
        yield Case(f"T{T}", sample(B=2, T=T, D=5))
    yield Case("one row", sample(B=1, T=9, D=3))
    yield Case("one number", sample(B=1, T=33, D=1))
    yield Case("no row", sample(B=0, T=4, D=3))
    yield Case("nothing seen", sample(B=2, T=9, D=3, seen=False))
    yield Case("maximum of equals", equals(B=2, T=1, D=3))
    yield Case("padded", sample(B=3, T=7, D=4), ragged([7, 0, 3], [[], [], []], 7))
    yield Case("packed and padded", sample(B=3, T=21, D=3), ragged([21, 0, 13], [[0, 4], [], [1, 2, 12, 20]], 21))
    yield Case("heads", sample(B=3, T=17, D=6, heads=2))
    yield Case("heads of one", sample(B=2, T=9, D=3, heads=3))
    yield Case("heads, packed and padded", sample(B=2, T=9, D=4, heads=2), ragged([9, 6], [[0, 4], [1, 2]], 9))
    yield Case("saturated, where 1 - tanh^2 is all rounding", sample(B=2, T=17, D=4, scale=10.0), drift=100.0)
    yield Case("T65536", sample(B=1, T=65536, D=2))


def usual(T: int) -> Case:
    """What a layer gives it: the input of benchmarks."""
    return Case("usual", sample(B=16, T=T, D=256, heads=4), flops=2 * 16 * T * 64 * 1024)


def sample(
    B: int, T: int, D: int, *, heads: int = 0, scale: float = 1.0, seen: bool = True
) -> Callable[[Draw], tuple[Tensor, Tensor, SLSTMMemory]]:
    shape = (heads, 4 * D // heads, D // heads) if heads else (4 * D, D)

    def make(draw: Draw) -> tuple[Tensor, Tensor, SLSTMMemory]:
        p, weight = draw.normal(B, T, 4 * D) * scale, draw.normal(*shape) / D**0.5
        h, c, n, m = draw.normal(B, D).tanh(), draw.normal(B, D), draw.uniform(1.0, 2.0, B, D), draw.normal(B, D)
        return p, weight, SLSTMMemory(h, c, n, m) if seen else nothing(h)

    return make


def equals(B: int, T: int, D: int) -> Callable[[Draw], tuple[Tensor, Tensor, SLSTMMemory]]:
    """In all channels but one the input gate is as far up as what is remembered: the gradient goes both ways."""

    def make(draw: Draw) -> tuple[Tensor, Tensor, SLSTMMemory]:
        p, weight, (h, c, n, m) = sample(B, T, D)(draw)
        p[:, 0, :D], p[:, 0, D : 2 * D] = 1, 100  # and nothing is forgotten: the gate's logarithm is zero
        p[:, 0, 0] = 0.5
        return p, weight, SLSTMMemory(h * 0, c, n, m * 0 + 1)

    return make
