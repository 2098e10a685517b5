from typing import ClassVar, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from reprise.bases.matrix_memory import usual_heads
from reprise.bases.recurrent import Recurrent
from reprise.core.errors import check_counts
from reprise.core.marks import NO_MARKS, Marks
from reprise.layers.attention._cache import append, visible
from reprise.layers.attention._softmax import check_divides

__all__ = ["UniversalTransformer"]

ENOUGH = 0.99  # a position whose halting probabilities add up to more than this stops here


class Kept(NamedTuple):
    k: Float[Tensor, "B S D"]
    v: Float[Tensor, "B S D"]

    grows = ("k", "v")


class Memory(NamedTuple):
    depths: tuple[Kept, ...]
    position: Int[Tensor, "B"]  # steps of its own sequence that a row has seen


class Ponder(NamedTuple):
    """How long each position thought: its cost is steps + remainder, to be added to a loss."""

    steps: Float[Tensor, "B T"]
    remainder: Float[Tensor, "B T"]  # the weight of the last of them, which has a gradient


class UniversalTransformer(Recurrent):
    """Universal Transformer: one Transformer block used again and again, by each position as often as it wants.

        h_0 = x;   a = norm(u + attend(u)), u = h_{j-1} + P(position) + P(j);   h_j = norm(a + V relu(U a + b) + c)
        p_j = sigmoid(w h_j + e) until sum_j p_j > 0.99 or j is `depth`, then the remainder to 1; later h_j stay as they
        are, still seen by others;   y = sum_j p_j h_j

    Shapes   x (B T D) -> y (B T D);  memory: keys and values of all S steps so far at each depth (B S D), a count (B)
    Cost     L T (8 D^2 + 4 D F + 4 (S + T) D) work for L depths, 2 L S D numbers of state: it grows with every step
    Source   Dehghani et al. 2019, arXiv:1807.03819, sec. 2.1, 2.2; Graves 2016, arXiv:1603.08983
             (dehghani2019universal)
    Differs  a decoder without an encoder to attend to; p_j follows step j and y is a weighted sum, as Graves has it,
             where the authors' code asks before the step and mixes y with its last value; those that have halted are
             still computed; no dropout; at width 1 its output does not depend on x, since a layer norm over one number
             is zero
    """

    excused: ClassVar = {"state_size_does_not_grow": "attention is to every step so far, so that all of them are kept"}

    def __init__(self, width: int, heads: int | None = None, hidden: int | None = None, depth: int = 6):
        check_counts("UniversalTransformer", width=width, heads=heads, hidden=hidden, depth=depth)
        self.heads = usual_heads(width) if heads is None else heads
        check_divides("UniversalTransformer", "heads", self.heads, width=width)
        super().__init__(width, ())
        self.depth, F = depth, 4 * width if hidden is None else hidden
        self.attend = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.transition = nn.Sequential(nn.Linear(width, F), nn.ReLU(), nn.Linear(F, width))
        self.norms = nn.ModuleList(nn.LayerNorm(width, eps=1e-6) for _ in range(2))
        self.halt = nn.Linear(width, 1)
        for p in self.parameters():
            (nn.init.xavier_uniform_ if p.ndim > 1 else nn.init.zeros_)(p)
        for p in (self.norms[0].weight, self.norms[1].weight, self.halt.bias):
            nn.init.ones_(p)

    def initial_memory(self, batch):
        k, v = self.out.weight.new_zeros(2, batch, 0, self.width)
        return Memory((Kept(k, v),) * self.depth, torch.zeros(batch, dtype=torch.int64, device=k.device))

    def project(self, x):
        return x

    def recur(self, p, memory, marks):
        read, _, memory = self._think(p, memory, marks)
        return read, memory

    def ponder(self, x: Float[Tensor, "B T D"], state: tuple | None = None) -> Ponder:
        """How many steps each position takes, and the weight of its last one.

        Raises InputError for x or a state that does not fit.
        """
        self._check(x, state)
        memory = self.initial_memory(len(x)) if state is None else state.memory
        return self._think(x, memory, NO_MARKS)[1]

    def _think(self, h: Float[Tensor, "B T D"], memory: Memory, marks: Marks) -> tuple[Tensor, Ponder, Memory]:
        n, position = marks.positions(memory.position, h.shape[1])
        size = memory.depths[0].k.shape[1]
        plain = size == 0 and marks.real is marks.fresh is None  # half the work
        seen = None if plain else visible(size, memory.position, n)[:, None]
        signal, kept = waves(n, self.width), []
        y, weight, total = torch.zeros_like(h), torch.zeros_like(h[..., :1]), torch.zeros_like(h[..., :1])
        steps, running = torch.zeros_like(total), torch.ones_like(total, dtype=torch.bool)
        for j, past in enumerate(memory.depths, 1):
            u = h + (signal + waves(n.new_full((1, 1), j), self.width)).to(h.dtype)
            after, k, v = self._block(u, past, seen)
            kept.append(Kept(*(append(z, h.shape[1], memory.position, position, marks) for z in (k, v)))
                        if h.shape[1] else past)
            h = torch.where(running, after, h)
            p, left = torch.sigmoid(self.halt(h)), 1 - total
            ends = total + p > ENOUGH if j < self.depth else torch.ones_like(running)
            p = torch.where(running, torch.where(ends, left, p), 0.0)
            y, total, steps = y + p * h, total + p, steps + running
            weight, running = torch.where(running, p, weight), running & ~ends
        return y, Ponder(steps[..., 0], weight[..., 0]), Memory(tuple(kept), position)

    def _block(
        self, u: Float[Tensor, "B T D"], past: Kept, seen: Bool[Tensor, "B 1 T S+T"] | None
    ) -> tuple[Float[Tensor, "B T D"], Float[Tensor, "B S+T D"], Float[Tensor, "B S+T D"]]:
        """The next h, and this depth's keys and values behind those of the past."""
        q, k, v = self.attend(u).chunk(3, -1)
        k, v = torch.cat([past.k, k], 1), torch.cat([past.v, v], 1)
        q, keys, values = (z.unflatten(-1, (self.heads, -1)).transpose(1, 2) for z in (q, k, v))
        read = scaled_dot_product_attention(q, keys, values, seen, is_causal=seen is None)
        a = self.norms[0](u + self.out(read.transpose(1, 2).flatten(2)))
        return self.norms[1](a + self.transition(a)), k, v


def waves(n: Int[Tensor, "B T"], width: int) -> Float[Tensor, "B T D"]:
    """sin and cos of n at frequencies from 1 to 1 / 10000 radians a step, one after the other, as in a Transformer."""
    j = torch.arange(width, device=n.device)
    angle = n[..., None] * 10000.0 ** (-(j // 2 * 2).double() / width)
    return torch.where(j % 2 == 0, angle.sin(), angle.cos())
