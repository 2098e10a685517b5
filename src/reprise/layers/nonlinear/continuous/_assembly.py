"""Assemblies of recurrent modules that contract alone and, by the form of their coupling, together."""
from abc import abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor, nn

from reprise.bases.cell import Cell
from reprise.core.errors import InputError, check_counts
from reprise.ops.unroll import unroll

__all__ = ["Assembly", "certify", "interconnect"]


class Assembly(Cell):
    """Modules x_i' = -x_i + W_i relu(x_i) + sum_j L_ij x_j + u_i, one Euler step of `dt` for each input.

    A leaf says in `inner` what the modules are: their weights W, and the metrics in which each contracts.
    """

    def __init__(self, width: int, hidden: int | None, modules: int | None, dt: float):
        name = type(self).__name__
        check_counts(name, width=width, hidden=hidden, modules=modules)
        N = width if hidden is None else hidden
        count = _usual(N) if modules is None else modules
        if N % count:
            near = max(m for m in range(1, count) if N % m == 0)
            raise InputError(f"{name}: hidden={N} is not divisible by modules={count}; try modules={near}")
        if not 0 < dt <= 1:
            raise InputError(f"{name}: expected dt in (0, 1], got {dt}; try dt=0.1")
        super().__init__(width, (N,))
        self.dt, self.count, self.size = dt, count, N // count
        row, column = torch.tril_indices(count, count, -1)
        self.register_buffer("pairs", row * count + column, persistent=False)
        self.B = nn.Parameter(torch.randn(len(row), self.size, self.size) * N**-0.5)
        self.from_x = nn.Linear(width, N)
        self.out = nn.Linear(N, width)

    @abstractmethod
    def inner(self) -> tuple[Float[Tensor, "M n n"], Float[Tensor, "M n"]]:
        """W of every module, and the diagonal of the metric in which it contracts."""

    def couplings(self) -> Float[Tensor, "N two_N"]:
        """[W, L] of the whole: what relu(x) and x are multiplied by."""
        M, n = self.count, self.size
        W, metric = self.inner()
        below = self.B.new_zeros(M * M, n, n).index_copy(0, self.pairs, self.B)
        below = below.unflatten(0, (M, M)).transpose(1, 2).reshape(M * n, M * n)
        whole = torch.eye(M, dtype=W.dtype, device=W.device)[:, None, :, None] * W[:, :, None]
        return torch.cat([whole.reshape(M * n, M * n), interconnect(below, metric.flatten())], 1)

    def project(self, x):
        return self.from_x(x)

    def euler(self, p: Float[Tensor, "B N"], x: Float[Tensor, "B N"], both: Float[Tensor, "N two_N"]):
        return x + self.dt * (nn.functional.linear(torch.cat([torch.relu(x), x], -1), both, p) - x)

    def advance(self, p, x):
        return self.euler(p, x, self.couplings())

    def recur(self, p, x, marks):
        both = self.couplings()
        return unroll(lambda p_t, x: self.euler(p_t, x, both), p, x, marks, start=self.initial_memory(1))

    def readout(self, x, seen):
        return self.out(x)


def interconnect(B: Float[Tensor, "N N"], metric: Float[Tensor, "N"]) -> Float[Tensor, "N N"]:
    """L = B - M^-1 B' M for the diagonal metric M: whatever B is, it neither adds to nor takes from |x| in M."""
    return B - B.mT * (metric / metric[:, None])


def certify(W: Float[Tensor, "n n"], slope: float = 1.0) -> tuple[Float[Tensor, "n"], float]:
    """The diagonal of a metric in which x' = -x + W phi(x) contracts, and how fast at least; phi' in [0, slope].

    Where slope |W| - 1 is Hurwitz, elementwise absolute, it has one, made of that matrix's positive solutions. Computed
    in float64. Raises InputError where it is not: this W may contract, but not by this certificate.
    """
    n = len(W)
    bound = slope * W.detach().abs().double().cpu()
    radius = torch.linalg.eigvals(bound).abs().max()
    if not radius < 1:
        raise InputError(f"certify: {slope} |W| has spectral radius {radius:.3f}, expected below 1; scale W down")
    flow = bound - torch.eye(n, dtype=bound.dtype)
    ones = torch.ones(n, dtype=bound.dtype)
    metric = torch.linalg.solve(flow.T, -ones) / torch.linalg.solve(flow, -ones)
    root = metric.sqrt()
    flow = root[:, None] * flow / root
    return metric, -float(torch.linalg.eigvalsh((flow + flow.T) / 2)[-1])


def _usual(N: int) -> int:
    """Eight modules, or the most below that share N out in twos or more."""
    return next((m for m in range(8, 1, -1) if N % m == 0 and N // m > 1), 1)
