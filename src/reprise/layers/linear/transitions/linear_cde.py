from typing import ClassVar, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import linear, pad

from reprise.bases.recurrent import Recurrent
from reprise.core.errors import InputError, check_counts
from reprise.core.marks import over
from reprise.layers.convolution.token_shift import TokenShift
from reprise.layers.linear._wide import wide
from reprise.ops.block_scan import block_scan

__all__ = ["LinearCDE"]

BLOCK = 8  # numbers that mix with each other, unless told otherwise


class Memory(NamedTuple):
    Z: Float[Tensor, "B H N"]
    position: Int[Tensor, "B"]  # how many steps of its sequence came before: a path has no increment at its start


class LinearCDE(Recurrent):
    """A linear controlled differential equation: every channel of the input's path moves the memory by a matrix.

        dZ = (A_0 Z + B_0) dt + sum_i (A_i Z + B_i) dx^i, along x_{t-1} -> x_t a straight line, solved exactly:
        [Z_t, 1] = exp([[M, b], [0, 0]]) [Z_{t-1}, 1];   M = sum_i A_i dx^i, b = sum_i B_i dx^i, i = 0 being time
        Z_1 = L x_1 + c;   y_t = C Z_t + e

    Shapes   x (B T D) -> y (B T D);  memory Z (B H N), H N = hidden, position (B), local: x_{t-1} (B 1 D)
    Cost     2 T H N D (1 + N) + 4 T D H N + about 20 T H (N + 1)^3 work, T depth
    Source   Cirone et al. 2024, arXiv:2402.19047, sec. 3, 4   (cirone2024theoretical)
    Differs  A falls into blocks, by default of up to 8 numbers: `blocks=1` is the paper's dense A, and `blocks=hidden`
             its diagonal, which a prime `hidden` above 8 is given too; a step of time is `dt` whatever the length,
             which a stream does not know, where the paper's path takes one unit of time in all; A and B start smaller,
             so that a path of some hundred unit increments keeps its size; for the word problem the authors' code steps
             by Euler and takes x itself for the increment
    """

    excused: ClassVar[dict[str, str]] = {
        "extreme_inputs_stay_finite": "the memory grows as the exponential of the path's length, as the equation says",
    }

    def __init__(
        self, width: int, hidden: int | None = None, blocks: int | None = None, dt: float = 0.01, scale: float = 0.1
    ):
        check_counts("LinearCDE", width=width, hidden=hidden, blocks=blocks)
        hidden = width if hidden is None else hidden
        H = usual_blocks(hidden) if blocks is None else blocks
        if hidden % H:
            raise InputError(f"LinearCDE: hidden={hidden} is not divisible by blocks={H}; "
                             f"try blocks={usual_blocks(hidden)}")
        N = hidden // H
        super().__init__(width, (H, N))
        self.dt = dt
        self.local = TokenShift(width)
        self.field = nn.Parameter(torch.randn(H, N, N + 1, 1 + width) * (1 + width) ** -0.5)  # A, and B behind it
        self.field.data[:, :, :-1] *= scale * N**-0.5
        self.start = nn.Linear(width, hidden)
        self.out = nn.Linear(hidden, width)

    def initial_memory(self, batch):
        Z = super().initial_memory(batch)
        return Memory(Z, torch.zeros(batch, dtype=torch.int64, device=Z.device))

    def project(self, x, u):
        along = pad(wide(x) - wide(u), (1, 0), value=self.dt)
        return along, self.start(x).unflatten(-1, self.memory_shape)

    def recur(self, p, memory, marks):
        along, start = p
        position, seen = marks.positions(memory.position, start.shape[1])
        first = position == 0
        A, b = flow(wide(self.field), torch.where(over(first, along), 0.0, along))
        every, Z = block_scan(A, torch.where(over(first, start), start, b), memory.Z, marks)
        return every, Memory(Z, seen)

    def readout(self, Z, x, u):
        return self.out(Z.flatten(2))


def flow(
    field: Float[Tensor, "H N M I"], along: Float[Tensor, "B T I"]
) -> tuple[Float[Tensor, "B T H N N"], Float[Tensor, "B T H N"]]:
    """What a straight piece of path does to any Z: A Z + b; M = N + 1, I = 1 + D."""
    moved = wide(linear(along, field.flatten(0, 2))).unflatten(-1, field.shape[:3])
    exp = torch.linalg.matrix_exp(pad(moved, (0, 0, 0, 1)))[..., :-1, :]
    return exp[..., :-1], exp[..., -1]


def usual_blocks(hidden: int) -> int:
    """As few as leave at most `BLOCK` numbers in each."""
    return next(n for n in range(1, hidden + 1) if hidden % n == 0 and hidden // n <= BLOCK)
