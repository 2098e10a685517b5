from typing import ClassVar, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from reprise.bases.matrix_memory import usual_heads
from reprise.bases.recurrent import Recurrent
from reprise.core.errors import check_counts
from reprise.core.marks import Marks, over
from reprise.layers._between import between
from reprise.layers._past import keep, take
from reprise.layers.attention._softmax import check_divides
from reprise.layers.attention._window import cut

__all__ = ["BlockRecurrent"]


class Memory(NamedTuple):
    c: Float[Tensor, "B S D"]  # as it was when the block of steps began
    k: Float[Tensor, "B W-1 H K"]
    v: Float[Tensor, "B W-1 H K"]
    position: Int[Tensor, "B"]  # steps of its own sequence that a row has seen


class BlockRecurrent(Recurrent):
    """Block-Recurrent Transformer: attention to the last W steps, and to S state vectors that move on once in W steps.

        steps:   y_t = O (attend(Q x_t; the last W x), attend(R x_t; s));   s: of the block of W steps that t lies in
        states:  s = norm(c) + ids;   z = P (attend(Q' s; s), attend(R' s; the block's W x)) + e
                 c' = g c + (1 - g) z, at the block's end;   g = sigmoid(b), the same for all states

    Shapes   x (B T D) -> y (B T D);  memory c (B S D), the last W - 1 keys and values (B W-1 H K), and a count (B)
    Cost     12 T D^2 + 4 T (2 W + S) D work for steps, T / W (12 S D^2 + 4 S (W + S) D) for states, in T / W turns;
             a step alone takes all that its block's states take
    Source   Hutchins et al. 2022, arXiv:2203.07852, sec. 3: fixed gate, "skip"; google-research/meliad
             (hutchins2022block)
    Differs  the bias of scores is one number for each head and distance, not for buckets of distances; what is carried
             is exact wherever a sequence is cut; W and S are smaller than 512; residual and feed-forward layer of steps
             belong to the block around it; gradients go back through all blocks of a call
    """

    memory_precision = None  # parameters multiply it
    undecayed_parameters = ("distance", "ids", "start")
    excused: ClassVar = {"everything_learns": "states move on at the end of a block, and no block ends in so few steps"}

    def __init__(self, width: int, heads: int | None = None, window: int = 64, states: int = 16):
        check_counts("BlockRecurrent", width=width, heads=heads, window=window, states=states)
        self.heads = usual_heads(width) if heads is None else heads
        check_divides("BlockRecurrent", "heads", self.heads, width=width)
        super().__init__(width, (states, width))
        self.window = window
        self.from_x, self.from_state = (nn.Linear(width, 4 * width, bias=False) for _ in range(2))
        self.distance = nn.Parameter(torch.zeros(self.heads, window))
        self.norm = nn.LayerNorm(width)
        self.out, self.onward = nn.Linear(2 * width, width, bias=False), nn.Linear(2 * width, width)
        self.ids, self.start = (nn.Parameter(0.1 * torch.randn(states, width)) for _ in range(2))
        self.gate = nn.Parameter(0.1 * torch.randn(width))
        for linear in (self.from_x, self.from_state, self.out, self.onward):
            nn.init.normal_(linear.weight, std=linear.in_features**-0.5)
        nn.init.zeros_(self.onward.bias)

    def initial_memory(self, batch):
        k, v = self.gate.new_zeros(2, batch, self.window - 1, self.heads, self.width // self.heads)
        position = torch.zeros(batch, dtype=torch.int64, device=k.device)
        return Memory(self.start.expand(batch, -1, -1).clone(), k, v, position)

    def _by_head(self, z: Float[Tensor, "B T 4D"]) -> tuple[Float[Tensor, "B T H K"], ...]:
        return tuple(part.unflatten(-1, (self.heads, -1)) for part in z.chunk(4, -1))

    def project(self, x):
        return self._by_head(self.from_x(x))

    def recur(self, p, memory, marks):
        q, ask, k, v = p
        if q.shape[1] == 0:
            return q.flatten(2).repeat(1, 1, 2), memory
        n, position = marks.positions(memory.position, q.shape[1])
        blocks = cut(n, self.window)
        scores = torch.einsum("bnchk,bnhks->bnhcs", blocks.queries(q) * q.shape[-1]**-0.5, blocks.keys(memory.k, k))
        bias = self.distance[:, blocks.age.clamp(0, self.window - 1)]
        near = torch.einsum("bnhcs,bnhvs->bnchv", blocks.weights(scores + bias), blocks.keys(memory.v, v))
        tokens = torch.cat([memory.k, k], 1), torch.cat([memory.v, v], 1)
        far, c = self._walk(ask, tokens, n, memory.c, marks)
        kept = (keep(past, z, marks) for past, z in ((memory.k, k), (memory.v, v)))
        return torch.cat([blocks.together(near).flatten(2), far.flatten(2)], -1), Memory(c, *kept, position)

    def _walk(
        self, ask: Float[Tensor, "B T H K"], tokens: tuple[Tensor, Tensor], n: Int[Tensor, "B T"],
        c: Float[Tensor, "B S D"], marks: Marks,
    ) -> tuple[Float[Tensor, "B T H K"], Float[Tensor, "B S D"]]:
        """What each step reads of the states, and those after the last: block by block, and every row has its own.

        The `turn` of a step is in which of its row's blocks it lies, of those that this call sees.
        """
        T, W, phase = n.shape[1], self.window, n % self.window
        ends = marks.pad(phase == W - 1, False)
        if T == 1:
            return self._meet(ask, tokens, self._begun(c, marks.fresh), ends)
        t = torch.arange(T, device=n.device)
        new = (phase == 0) & (t > 0)
        turn, asked, reads = new.cumsum(1), torch.arange(min(T, W), device=n.device), []
        for i in range(self._turns(turn, marks)):
            mine, first, last = turn == i, (turn < i).sum(1, keepdim=True), (turn <= i).sum(1, keepdim=True) - 1
            c = self._begun(c, None if marks.fresh is None else mine & marks.fresh)
            block = last + torch.arange(W, device=n.device)
            here, seen = take(ask, (first + asked).clamp(max=T - 1)), tuple(take(z, block) for z in tokens)
            read, c = self._meet(here, seen, c, mine & ends)
            reads.append(read)
        first = torch.where(new, t, 0).cummax(1).values
        return take(torch.cat(reads, 1), turn * len(asked) + t - first), c

    def _begun(self, c: Float[Tensor, "B S D"], fresh: Bool[Tensor, "B T"] | None) -> Float[Tensor, "B S D"]:
        return c if fresh is None else torch.where(over(fresh.any(1), c), self.start, c)

    def _turns(self, turn: Int[Tensor, "B T"], marks: Marks) -> int:
        """How many blocks a row has at most: known without looking, unless sequences begin inside."""
        T = turn.shape[1]
        if marks.fresh is None:
            return min(T, (T + self.window - 2) // self.window + 1)
        return T if torch.compiler.is_compiling() or turn.is_meta or len(turn) == 0 else int(turn.max()) + 1

    def _meet(
        self, ask: Float[Tensor, "B T H K"], tokens: tuple[Tensor, Tensor], c: Float[Tensor, "B S D"],
        ends: Bool[Tensor, "B T"],
    ) -> tuple[Float[Tensor, "B T H K"], Float[Tensor, "B S D"]]:
        """What steps read of the states, and the states after them: others, in rows whose block ends."""
        q, ask_tokens, k, v = self._by_head(self.from_state(self.norm(c) + self.ids))
        z = self.onward(torch.cat([attend(q, k, v).flatten(2), attend(ask_tokens, *tokens).flatten(2)], -1))
        after = between(z, c, torch.sigmoid(self.gate))
        return attend(ask, k, v), torch.where(over(ends.sum(1) > 0, c), after, c)

    def readout(self, read, x):
        return self.out(read)


def attend(
    q: Float[Tensor, "B T H K"], k: Float[Tensor, "B S H K"], v: Float[Tensor, "B S H K"]
) -> Float[Tensor, "B T H K"]:
    weights = torch.softmax(torch.einsum("bthk,bshk->bhts", q * q.shape[-1]**-0.5, k), -1)
    return torch.einsum("bhts,bshk->bthk", weights, v)
