"""Inputs of `delta_rule`, awkward ones first."""
from collections.abc import Iterator

import torch
from torch import Tensor

from reprise.ops.case import Case, Draw, ragged
from reprise.ops.delta_rule import Correction
from reprise.ops.linear_attention.cases import log_decay

__all__ = ["cases", "correction", "usual"]

CHUNK = 32  # the longest of the fast path's pieces: just below and above it could go wrong


def cases() -> Iterator[Case]:
    for T in (0, 1, 2, 3, 4, 5, 15, 16, 17, CHUNK - 1, CHUNK, CHUNK + 1, 63):
        yield Case(f"T{T}", correction(B=2, T=T, H=2, K=4, V=6))
    yield Case("no row", correction(B=0, T=5, H=2, K=3, V=4))
    yield Case("one head, one channel", correction(B=1, T=37, H=1, K=1, V=4))
    yield Case("several chunks", correction(B=2, T=2 * CHUNK + 5, H=2, K=8, V=5))
    yield Case("several chunks, a rate a channel", correction(B=2, T=2 * CHUNK + 5, H=2, K=8, V=5, rates=8))
    yield Case("two channels, a rate each", correction(B=1, T=7, H=2, K=2, V=2, rates=2))
    yield Case("heads of odd sizes above 64", correction(B=2, T=67, H=1, K=70, V=131, rates=70))
    for rates in (1, 3):
        packed = ragged([70, 0, 41], [[0, 4, 64], [], [1, 2, 12, 40]], 70)
        yield Case(f"packed and padded, {rates} rates", correction(B=3, T=70, H=2, K=3, V=5, rates=rates), packed)
        for w in (0.0, -1e-6, -20.0, -1e4, None):
            name = f"log-decay {'mixed' if w is None else format(w, 'g')}, {rates} rates"
            yield Case(name, correction(B=1, T=130, H=2, K=3, V=4, rates=rates, w=w))
    for beta in (0.0, 1.0, None):
        name = "gates either shut or open" if beta is None else f"beta {beta:g}"
        yield Case(name, correction(B=2, T=130, H=1, K=8, V=4, w=0.0, beta=beta))
    yield Case("one key again and again", correction(B=2, T=130, H=1, K=8, V=4, w=-1e-6, beta=1.0, alike=0.99))
    yield Case("reflections", correction(B=2, T=130, H=1, K=8, V=4, w=0.0, beta=2.0))
    yield Case("keys of length 2, decaying", correction(B=2, T=70, H=1, K=8, V=4, w=-2.0, beta=1.0, length=2.0))
    yield Case("keys of length 2, where the memory and its errors grow",
               correction(B=1, T=70, H=1, K=8, V=4, w=-0.1, beta=0.9, length=2.0), drift=4.0)
    yield Case("T65536", correction(B=1, T=65536, H=1, K=4, V=4))


def usual(T: int) -> Case:
    """What a layer gives it: the input of benchmarks."""
    flops = 4 * 4 * T * (CHUNK * 16 * 64 + 10 * 64 * 64)
    return Case("usual", correction(B=4, T=T, H=4, K=64, V=64), flops=flops)


def correction(
    B: int, T: int, H: int, K: int, V: int, *, rates: int = 1, w: float | str | None = "gates",
    beta: float | str | None = "gates", length: float = 1.0, alike: float = 0.0,
):
    """beta: how much of the old value goes: of gates, all the same, or (None) nothing or all.   alike: of the keys."""

    def make(draw: Draw) -> tuple[Correction, Tensor]:
        q, k, v, one, rate = (draw.normal(B, T, H, n) for n in (K, K, V, 1, 1))
        k = alike * torch.nn.functional.normalize(draw.normal(B, 1, H, K), dim=-1) + (1 - alike) * k
        k = length * torch.nn.functional.normalize(k, dim=-1)
        strength = {"gates": rate.sigmoid(), None: (one > 0).to(one.dtype)}.get(beta, beta)
        decay = log_decay(draw, w, B, T, H, rates)
        return Correction(q, k * strength, v, decay, -strength * k, k), draw.normal(B, H, K, V)

    return make
