import math
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import silu, softplus

from reprise.bases.matrix_memory import usual_heads
from reprise.bases.recurrent import Recurrent
from reprise.core.errors import InputError, check_counts
from reprise.layers.linear._wide import wide
from reprise.layers.linear.state_space._diagonal import log_uniform
from reprise.layers.rates import RATES
from reprise.ops.linear_scan import linear_scan

__all__ = ["Chimera"]

TREND, SEASON, ACROSS = (1e-3, 1e-2), (1e-1, 1.0), (1e-3, 1e-1)  # where step sizes start


class Memory(NamedTuple):
    """Of every variate V, in each of two scales by two directions G, for K channels."""

    along: Float[Tensor, "B V G K N"]
    across: Float[Tensor, "B V G K N"]


class Chimera(Recurrent):
    """Chimera: a selective state space in two dimensions, along time and across variates that share out the width.

        h1[v, t] = exp(d1 A1) h1[v, t-1] + g1 (A2 h2[v, t-1] + B1 x[v, t]);   g1 = (exp(d1 A1) - 1) / A1
        h2[v, t] = exp(d2 A4) h2[v-1, t] + g2 (A3 h1[v-1, t] + B2 x[v, t]);   g2 = (exp(d2 A4) - 1) / A4
        d, B, C linear in x[v, t], d through softplus;   A1, A4 = -exp(.), diagonal as A2, A3 are
        y[v] = O (silu(G x[v]) sum (C1 h1[v] + C2 h2[v])), over a slow and a fast scale, the variates both ways round

    Shapes   x (B T D) -> y (B T D), D = V K;  memory along, across (B V 4 K N)
    Cost     T D (20 K + 32 N) + 60 T D N work, V log T depth; it holds 8 B T D N numbers for the gradient
    Source   Behrouz et al. 2024, arXiv:2406.04320, sec. 3   (behrouz2024chimera)
    Differs  the cross terms A2 and A3 enter as held inputs do, where the paper discretises them as decays, which could
             not vanish; A1 and A2 are diagonal, not companion matrices; one gate, no closed loop for forecasts. A width
             has no variates of its own: by default as many as a memory in heads would have heads, so that a prime width
             is one variate, and nothing runs across
    """

    undecayed_parameters = ("log_A", "dt")

    def __init__(self, width: int, variates: int | None = None, states: int = 8):
        check_counts("Chimera", width=width, variates=variates, states=states)
        V = usual_heads(width) if variates is None else variates
        if width % V:
            near = max(v for v in range(1, V) if width % v == 0)
            raise InputError(f"Chimera: width={width} is not divisible by variates={V}; try variates={near}")
        K, G, N = width // V, 4, states  # groups: slow forwards, slow backwards, fast forwards, fast backwards
        super().__init__(width, (V, G, K, N))
        self.split = K, K, N, N, N, N
        self.select = nn.Parameter(torch.randn(G, K, sum(self.split)) / math.sqrt(K))
        starts = [log_uniform(*scale, 2, K) for scale in (TREND, SEASON)]
        along, across = torch.cat(starts).exp(), log_uniform(*ACROSS, G, K).exp()
        self.dt = nn.Parameter(RATES["softplus"].weight(torch.cat([along, across], -1)))
        self.log_A = nn.Parameter(torch.arange(1.0, N + 1).log().expand(2, G, K, N).clone())  # of A1, A4
        self.crossing = nn.Parameter(torch.randn(2, G, K, N) / 2)  # A2, A3
        self.gate = nn.Linear(K, K, bias=False)
        self.out = nn.Linear(K, K, bias=False)

    def initial_memory(self, batch):
        return Memory(super().initial_memory(batch), super().initial_memory(batch))

    def project(self, x):
        x = x.unflatten(-1, (self.memory_shape[0], -1))
        chosen = torch.einsum("btvk,gke->btvge", x, self.select)
        d1, d2, *rest = chosen.split(self.split, -1)
        bias = self.dt.chunk(2, -1)
        sizes = (softplus(wide(d) + wide(b)) for d, b in zip((d1, d2), bias, strict=True))
        every = x[..., None, :].expand_as(d1), *sizes, *rest
        return tuple(wide(_in_order(z)) for z in every)

    def recur(self, p, memory, marks):
        A1, A4 = -wide(self.log_A).exp()
        A2, A3 = wide(self.crossing)
        above, beside, reads, ends = 0.0, 0.0, [], []  # h2 and h1 of the variate before
        for *now, h1, h2 in zip(*(z.unbind(2) for z in p), *(m.unbind(1) for m in memory), strict=True):
            x, d1, d2, B1, B2, C1, C2 = (z[..., None] if i < 3 else z[..., None, :] for i, z in enumerate(now))
            above = torch.exp(d2 * A4) * above + torch.expm1(d2 * A4) / A4 * (A3 * beside + B2 * x)
            last = marks.restart(torch.cat([h2[:, None], above[:, :-1]], 1), 0.0)
            beside, h1 = linear_scan(torch.exp(d1 * A1), torch.expm1(d1 * A1) / A1 * (A2 * last + B1 * x), h1, marks)
            reads.append((C1 * beside + C2 * above).sum(-1))
            ends.append((h1, marks.last(above, h2)))
        along, across = (torch.stack(z, 1) for z in zip(*ends, strict=True))
        return _in_order(torch.stack(reads, 2)).sum(3), Memory(along, across)

    def readout(self, read, x):
        gate = silu(self.gate(x.unflatten(-1, read.shape[2:])))
        return self.out(gate * read).flatten(2)


def _in_order(z: Float[Tensor, "B T V G _"]) -> Float[Tensor, "B T V G _"]:
    """Variates as each group meets them: every other group from the last to the first; and back again."""
    there, back = z.unflatten(3, (-1, 2)).unbind(4)
    return torch.stack([there, torch.stack(back.unbind(2)[::-1], 2)], 4).flatten(3, 4)
