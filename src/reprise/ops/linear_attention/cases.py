"""Inputs of `linear_attention`, awkward ones first; `association` serves the delta rule's cases as well."""
from collections.abc import Iterator

import torch
from torch import Tensor

from reprise.ops.case import Case, Draw, ragged
from reprise.ops.linear_attention import Association

__all__ = ["association", "cases", "log_decay", "usual"]

CHUNK = 64  # of the fast path: just below and above it could go wrong


def cases() -> Iterator[Case]:
    for T in (0, 1, 2, 3, CHUNK - 1, CHUNK, CHUNK + 1):
        yield Case(f"T{T}", association(B=2, T=T, H=2, K=3, V=4))
        yield Case(f"T{T}, a rate a channel", association(B=1, T=T, H=2, K=4, V=3, rates=4))
    yield Case("no row", association(B=0, T=5, H=2, K=3, V=4))
    yield Case("one head, one channel", association(B=1, T=37, H=1, K=1, V=4))
    yield Case("several chunks", association(B=2, T=4 * CHUNK + 5, H=2, K=5, V=8))
    yield Case("several chunks, a rate a channel", association(B=2, T=4 * CHUNK + 5, H=2, K=8, V=5, rates=8))
    yield Case("two channels, a rate each", association(B=1, T=7, H=2, K=2, V=2, rates=2))
    yield Case("heads of odd sizes above 64", association(B=2, T=CHUNK + 3, H=1, K=70, V=131, rates=70))
    for rates in (1, 3):
        packed = ragged([70, 0, 41], [[0, 4, 64], [], [1, 2, 12, 40]], 70)
        yield Case(f"packed and padded, {rates} rates", association(B=3, T=70, H=2, K=3, V=5, rates=rates), packed)
        for w in (0.0, -1e-6, -20.0, -1e4, None):
            name = f"log-decay {'mixed' if w is None else format(w, 'g')}, {rates} rates"
            yield Case(name, association(B=1, T=130, H=2, K=3, V=4, rates=rates, w=w))
    yield Case("T65536", association(B=1, T=65536, H=1, K=4, V=4, w=-1e-3))


def usual(T: int) -> Case:
    """What a layer gives it: the input of benchmarks."""
    return Case("usual", association(B=4, T=T, H=4, K=64, V=64), flops=4 * 4 * T * (2 * CHUNK * 128 + 4 * 64 * 64))


def association(B: int, T: int, H: int, K: int, V: int, *, rates: int = 1, w: float | str | None = "gates"):
    def make(draw: Draw) -> tuple[Association, Tensor]:
        q, k, v = (draw.normal(B, T, H, n) for n in (K, K, V))
        return Association(q, k / K**0.5, v, log_decay(draw, w, B, T, H, rates)), draw.normal(B, H, K, V)

    return make


def log_decay(draw: Draw, w: float | str | None, *shape: int) -> Tensor:
    """Logarithms of decay: of gates; all the same; or (None) everything at once, side by side in time and channels."""
    free = torch.nn.functional.logsigmoid(2 + draw.normal(*shape))
    if w == "gates":
        return free
    if w is not None:
        return torch.full_like(free, w)
    kinds = torch.tensor([-1e-6, -20.0, 0.0, -1e4, -0.1], dtype=free.dtype)
    chosen = draw.uniform(0.0, 5.0, *shape).long().clamp(max=4)
    return kinds[chosen]
