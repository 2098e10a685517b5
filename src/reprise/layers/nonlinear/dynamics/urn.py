import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import pad

from reprise.bases.recurrent import Recurrent
from reprise.core.errors import InputError, check_counts
from reprise.ops.block_scan import block_scan
from reprise.ops.precision import own_precision

__all__ = ["URN"]


class URN(Recurrent):
    """URN: the input turns the memory, and nothing else happens to it.

        S_t = M(x_t) - M(x_t)', M linear in x and strictly upper, zero below its first k rows
        s_t = expm(S_t) s_{t-1}, s_0 = (1, 0, ...);   y_t = W s_t + b

    Shapes   x (B T D) -> y (B T D);  memory s (B N), of length 1
    Cost     T (2 D k N + 4 k N^2 + 2 N^2) work and T N^2 numbers, for k below N / 4; else 30 T N^3 work
    Source   Bernardy & Lappin 2022, arXiv:2208.05719   (bernardy2022assessing)
    Differs  a linear map gives the entries that the paper keeps for every word: the same where x is one-hot; entries
             start with variance 1 / N for white x, the paper does not say; N = 64 and k = 3 at most by default
    """

    def __init__(self, width: int, hidden: int | None = None, rows: int | None = None):
        check_counts("URN", width=width, hidden=hidden, rows=rows)
        N = max(2, min(width, 64)) if hidden is None else hidden
        k = min(3, N - 1) if rows is None else rows
        if not 1 <= k < N:
            raise InputError(f"URN: expected rows below hidden={N}, got {k}; "
                             f"try rows={max(1, N - 1)}, hidden={max(2, N)}")
        super().__init__(width, (N,))
        self.rows = k
        row, column = torch.triu_indices(k, N, 1)
        self.register_buffer("place", row * N + column, persistent=False)
        self.entries = nn.Linear(width, len(row), bias=False)
        self.out = nn.Linear(N, width)
        nn.init.normal_(self.entries.weight, std=(width * N) ** -0.5)

    def project(self, x):
        """The rotations Q (B T N N)."""
        N, = self.memory_shape
        entries = self.entries(x)
        entries = entries.to(torch.promote_types(entries.dtype, torch.float32))
        upper = entries.new_zeros(*x.shape[:2], self.rows * N).index_copy(-1, self.place, entries)
        with own_precision(upper):  # or it would stretch as well
            return _rotation(upper.unflatten(-1, (self.rows, N)))

    def recur(self, Q, s, marks):
        b = marks.restart(Q.new_zeros(Q.shape[:3]), Q[..., 0])  # Q s_0, and A is nought there
        every, s = block_scan(Q[:, :, None], b[:, :, None], s[:, None], marks)
        return every[:, :, 0], s[:, 0]

    def readout(self, s, x):
        return self.out(s)

    def initial_memory(self, batch):
        s = super().initial_memory(batch)
        return torch.cat([torch.ones_like(s[:, :1]), s[:, 1:]], 1)


def _rotation(A: Float[Tensor, "*B k N"]) -> Float[Tensor, "*B N N"]:
    """expm(M - M'), where A is the first rows of M and the others are zero.

    Of few rows, S = M - M' is L R with L (N 2k) and R (2k N), and expm(S) = 1 + L f(R L) R, where f(z) = (e^z - 1) / z
    is a corner of the exponential of a matrix of 4k. L and R are made of one size, or R L would be large.
    """
    k, N = A.shape[-2:]
    if 4 * k >= N:
        M = pad(A, (0, 0, 0, N - k))
        return torch.linalg.matrix_exp(M - M.mT)
    size = (1 + A.square().sum((-2, -1), keepdim=True)).sqrt()
    units = torch.eye(k, N, dtype=A.dtype, device=A.device).expand_as(A)
    L, R = torch.cat([units.mT, -A.mT / size], -1), torch.cat([A, size * units], -2)
    beside = torch.eye(2 * k, dtype=A.dtype, device=A.device).expand(*A.shape[:-2], -1, -1)
    f = torch.linalg.matrix_exp(pad(torch.cat([R @ L, beside], -1), (0, 0, 0, 2 * k)))[..., : 2 * k, 2 * k :]
    return torch.eye(N, dtype=A.dtype, device=A.device) + L @ f @ R
