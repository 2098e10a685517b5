from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from reprise.bases.recurrent import Recurrent
from reprise.core.errors import InputError, check_counts
from reprise.layers.linear._wide import wide
from reprise.ops.block_scan import block_scan

__all__ = ["BlockDiagonal"]

POWER = 1.2  # p of the norm that bounds a block
BLOCK = 8  # in the paper


class Transition(NamedTuple):
    A: Float[Tensor, "B T H N N"]
    v: Float[Tensor, "B T H N"]


class BlockDiagonal(Recurrent):
    """A linear recurrence whose transition is made by the input, in small dense blocks: it can follow an automaton.

        M_t = MLP(x_t), H blocks of N x N;   M <- M - mean of each column;   A_t = M / max_j |column j|_1.2
        s_t = A_t s_{t-1} + MLP(x_t);   s_0 learned;   y_t = s_t

    Shapes   x (B T D) -> y (B T D);  memory s (B H N), N = D / H
    Cost     2 T D^2 N (1 + N) + 4 T D^2 + 2 T D N work, T depth
    Source   Fan et al. 2023, arXiv:2309.07412; tinghanf/RegluarLRNN   (fan2023advancing)
    Differs  none; N is the largest divisor of D up to the paper's 8; a D above 1 that has none but 1, as a prime above
             8, needs `block`. A memory of a single number has no transition, for its only column, less its mean, is
             zero
    """

    undecayed_parameters = ("start",)

    def __init__(self, width: int, block: int | None = None):
        check_counts("BlockDiagonal", width=width, block=block)
        usual = usual_block(width)
        N = usual if block is None else block
        if block is None and usual == 1 < width:
            raise InputError(f"BlockDiagonal: width={width} has no divisor from 2 to {BLOCK} for the size of a block; "
                             f"try width={BLOCK * -(-width // BLOCK)}, or give a block")
        if width % N:
            raise InputError(f"BlockDiagonal: width={width} is not divisible by block={N}; "
                             f"try block={width if usual == 1 else usual}")
        super().__init__(width, (width // N, N))
        self.transition = nn.Sequential(
            nn.Linear(width, width * N), nn.ReLU(), nn.Linear(width * N, width * N))
        self.value = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))
        self.start = nn.Parameter(torch.randn(width // N, N))

    def initial_memory(self, batch):
        return wide(self.start).expand(batch, -1, -1)

    def project(self, x):
        H, N = self.memory_shape
        A = bounded(wide(self.transition(x)).unflatten(-1, (H, N, N)))
        return Transition(A, wide(self.value(x)).unflatten(-1, (H, N)))

    def recur(self, p, memory, marks):
        A, v = p
        if marks.fresh is not None:
            v = marks.restart(v, v + (A * wide(self.start)[:, None]).sum(-1))
        return block_scan(A, v, memory, marks)

    def readout(self, s, x):
        return s.flatten(2)


def bounded(M: Float[Tensor, "*B N N"]) -> Float[Tensor, "*B N N"]:
    """Columns that sum to zero, the longest of length one."""
    M = M - M.mean(-2, keepdim=True)
    longest = torch.linalg.vector_norm(M, POWER, -2).amax(-1)[..., None, None]
    return M / torch.where(longest > 0, longest, 1.0)


def usual_block(width: int) -> int:
    """The largest divisor up to the paper's."""
    return max(n for n in range(1, BLOCK + 1) if width % n == 0)
