from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from reprise.bases.recurrent import Recurrent
from reprise.core.errors import check_counts
from reprise.layers._past import keep
from reprise.layers.attention._window import cut

__all__ = ["MemoryNetwork"]


class Memory(NamedTuple):
    a: Float[Tensor, "B M-1 N"]  # what is matched
    c: Float[Tensor, "B M-1 N"]  # what is read
    position: Int[Tensor, "B"]  # steps of its own sequence that a row has seen


class MemoryNetwork(Recurrent):
    """End-to-end memory network: the last M inputs are its slots, asked several times over before it answers.

        a_j = A x_j + S_i;   c_j = C x_j + R_i;   i = t - j + 1: which of the most recent x_j is, at most M
        u_1 = B x_t;   o_k = sum_j softmax_j(u_k . a_j) c_j;   u_{k+1} = H u_k + o_k, k = 1 .. `hops`;   y_t = W u

    Shapes   x (B T D) -> y (B T D);  memory: a and c of the last M - 1 inputs (B M-1 N), and a count (B)
    Cost     8 T D N + `hops` T (2 N^2 + 16 M N) work
    Source   Sukhbaatar et al. 2015, arXiv:1503.08895, sec. 2, with hops tied as in an RNN; S, R: sec. 4.1
             (sukhbaatar2015end)
    Differs  a slot is an input vector, not the sum of a sentence's words; every step is a question, and its own input a
             slot too; no ReLU on half the units, which the paper has for language; as there, all starts as N(0, 0.1^2)
    """

    memory_precision = None  # what was made of inputs, never summed up

    def __init__(self, width: int, hidden: int | None = None, slots: int = 50, hops: int = 3):
        check_counts("MemoryNetwork", width=width, hidden=hidden, slots=slots, hops=hops)
        N = width if hidden is None else hidden
        super().__init__(width, ())
        self.slots, self.hops = slots, hops
        self.ask, self.match, self.content = (nn.Linear(width, N, bias=False) for _ in range(3))
        self.match_age, self.content_age = (nn.Parameter(torch.empty(slots, N)) for _ in range(2))
        self.carry, self.out = nn.Linear(N, N, bias=False), nn.Linear(N, width, bias=False)
        for p in self.parameters():
            nn.init.normal_(p, std=0.1)

    def initial_memory(self, batch):
        a, c = self.ask.weight.new_zeros(2, batch, self.slots - 1, self.ask.out_features)
        return Memory(a, c, torch.zeros(batch, dtype=torch.int64, device=a.device))

    def project(self, x):
        return self.ask(x), self.match(x), self.content(x)

    def recur(self, p, memory, marks):
        u, a, c = p
        if u.shape[1] == 0:
            return u, memory
        n, position = marks.positions(memory.position, u.shape[1])
        blocks = cut(n, self.slots)
        age = blocks.age.clamp(0, self.slots - 1)
        match_age, content_age = self.match_age[age], self.content_age[age]
        slots, contents = blocks.keys(memory.a, a), blocks.keys(memory.c, c)
        asked = blocks.queries(u)
        for _ in range(self.hops):
            scores = torch.einsum("bncd,bnds->bncs", asked, slots) + torch.einsum("bncd,csd->bncs", asked, match_age)
            weights = blocks.weights(scores)
            found = torch.einsum("bncs,bnds->bncd", weights, contents)
            asked = self.carry(asked) + found + torch.einsum("bncs,csd->bncd", weights, content_age)
        kept = (keep(past, z, marks) for past, z in ((memory.a, a), (memory.c, c)))
        return blocks.together(asked), Memory(*kept, position)

    def readout(self, read, x):
        return self.out(read)
