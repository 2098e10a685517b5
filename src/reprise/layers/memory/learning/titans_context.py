from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import silu

from reprise.bases.matrix_memory import MatrixMemory
from reprise.core.errors import check_counts
from reprise.layers.memory._delta import unit
from reprise.layers.memory.learning._network import (
    Learning,
    Lesson,
    ask,
    first_rates,
    first_weights,
    fresh,
    learn,
    read_rates,
)
from reprise.layers.memory.learning._reading import unroll_reads

__all__ = ["TitansContext"]


class Segment(NamedTuple):
    """What attention has seen of the segment so far: of every step what the memory answered, and itself."""

    k: Float[Tensor, "B C 2 H K"]
    v: Float[Tensor, "B C 2 H K"]
    learned: Learning


class TitansContext(MatrixMemory):
    """Titans with its memory as context: attention inside a segment, beside what a network learned before it.

        h_t = M'(|silu(Q x_t)|),  M': the network as it was when the segment began, every C steps
        a_t = attention of x_t to p_1 .. p_P, learned, and to h and x of the segment so far
        M_t: M_{t-1} after one step of titans_memory on k = |silu(K a_t)|, v = silu(V a_t), with rates of a_t
        y_t = O (norm(a_t) silu(norm(M_t(|silu(Q' a_t)|))))

    Shapes   x (B T D) -> y (B T D);  memory: keys and values of the segment (B C 2 H K), and a network's
    Cost     T D (22 D + 8 C + 40 K) work at depth 2, T depth
    Source   Behrouz et al. 2025, arXiv:2501.00663, sec. 4.1   (behrouz2025titans)
    Differs  as titans_memory; a step sees h of its segment up to its own, not those of later steps, which would tell it
        of them; the segment is the memory's chunk; no convolution, and no positions but the segment's
    """

    def __init__(
        self, width: int, heads: int | None = None, depth: int = 2, expand: int = 2, chunk: int = 16,
        persistent: int = 4,
    ):
        check_counts("TitansContext", depth=depth, expand=expand, chunk=chunk, persistent=persistent)
        super().__init__(width, heads)
        H, K, _ = self.memory_shape
        self.chunk = chunk
        self.recall, self.query, self.key, self.value, self.mixed, self.out = (
            nn.Linear(width, width, bias=False) for _ in range(6))
        self.lesson = nn.Linear(width, 3 * width, bias=False)  # Q', K, V
        self.rates = first_rates(width, H)
        self.tokens = nn.Parameter(torch.randn(persistent, width))
        self.first = first_weights(H, K, depth, expand)
        self.attention_norm, self.memory_norm = (nn.RMSNorm(width, eps=1e-6) for _ in range(2))

    def initial_memory(self, batch):
        H, K, _ = self.memory_shape
        learned = fresh(self.first, batch, self.memory_precision)
        k, v = learned.now[0].new_zeros(2, batch, self.chunk, 2, H, K)
        return Segment(k, v, learned)

    def project(self, x):
        seen = (self.by_head(W(x)) for W in (self.query, self.key, self.value))
        return (unit(self.by_head(silu(self.recall(x)))), *seen)

    def recur(self, p, memory, marks):
        precision = memory.k.dtype
        p = tuple(z.to(precision) for z in p)
        blank = p[0].new_zeros(p[0].shape[0], self.width)
        return unroll_reads(self.advance, p, memory, marks, start=self.initial_memory(1), blank=(blank, blank))

    def advance(self, p, memory):
        recall, q, k, v = p
        h = ask(memory.learned.began, recall).flatten(1).to(self.tokens.dtype)
        k, v = (torch.stack([self.by_head(W(h)).to(z.dtype), z], 1) for W, z in ((self.key, k), (self.value, v)))
        slot = torch.arange(self.chunk, device=q.device) == memory.learned.position[:, None]
        k, v = (torch.where(slot[:, :, None, None, None], z[:, None], past)
                for z, past in ((k, memory.k), (v, memory.v)))
        a = self.mixed(self._attend(q, k, v, memory.learned.position).flatten(1).to(self.tokens.dtype))
        asked, key, value = (self.by_head(z).to(q.dtype) for z in silu(self.lesson(a)).chunk(3, -1))
        rates = (z.to(q.dtype) for z in read_rates(self.rates(a)))
        learned = learn(memory.learned, Lesson(unit(key), value, *rates), self.chunk)
        return (a.to(q.dtype), ask(learned.now, unit(asked)).flatten(1)), Segment(k, v, learned)

    def _attend(self, q: Tensor, k: Tensor, v: Tensor, position: Tensor) -> Float[Tensor, "B H K"]:
        """One query, to the learned tokens and to the slots of the segment that are filled."""
        first_k, first_v = (self.by_head(W(self.tokens)).to(q.dtype) for W in (self.key, self.value))
        q = q * q.shape[-1] ** -0.5
        filled = torch.arange(self.chunk, device=q.device) <= position[:, None]
        here = torch.einsum("bhk,bczhk->bhcz", q, k)
        here = torch.where(filled[:, None, :, None], here, -torch.inf).flatten(2)
        weights = torch.softmax(torch.cat([torch.einsum("bhk,phk->bhp", q, first_k), here], -1), -1)
        first, here = weights.split((len(first_k), here.shape[-1]), -1)
        return torch.einsum("bhp,phv->bhv", first, first_v) + torch.einsum("bhs,bshv->bhv", here, v.flatten(1, 2))

    def readout(self, read, x):
        near, far = read
        return self.out(self.attention_norm(near) * silu(self.memory_norm(far)))
