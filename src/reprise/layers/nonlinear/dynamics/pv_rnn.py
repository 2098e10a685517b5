import torch
from torch import nn
from torch.nn.functional import linear

from reprise.bases.cell import Cell
from reprise.core.errors import InputError, check_counts

__all__ = ["PVRNN"]


class PVRNN(Cell):
    """PV-RNN: groups of leaky units, each slower than the last: its deterministic core, x where the latent enters.

        h_t = (1 - 1/tau) h_{t-1} + (W d_{t-1} + Z x_t + b) / tau;   d_t = tanh(h_t);   y_t = V d_t + c
        W joins a group with itself and its neighbours, tau is a group's own, V reads the fastest group

    Shapes   x (B T D) -> y (B T D);  memory h (B N)
    Cost     2 T (D N + N^2) work at most, T depth
    Source   Ahmadi & Tani 2018, arXiv:1811.01339   (ahmadi2018novel)
    Differs  the latent z, its prior and its posterior belong to whoever trains it, and give what stands here as x; all
             groups see the same x; W, Z and V start uniform by their number of inputs, the paper does not say how
    """

    def __init__(
        self, width: int, hidden: int | None = None, time_constants: tuple[float, ...] | list[float] = (2.0, 4.0, 8.0)
    ):
        check_counts("PVRNN", width=width, hidden=hidden)
        _check(time_constants, hidden)
        N = max(width, len(time_constants)) if hidden is None else hidden
        super().__init__(width, (N,))
        self.sizes = [len(part) for part in torch.arange(N).tensor_split(len(time_constants))]
        ends = [0, *torch.tensor(self.sizes).cumsum(0).tolist()]
        groups = len(self.sizes)
        self.seen = [slice(ends[max(g - 1, 0)], ends[min(g + 2, groups)]) for g in range(groups)]
        rates = torch.cat([torch.full((n,), 1 / tau) for n, tau in zip(self.sizes, time_constants)])
        self.register_buffer("rates", rates, persistent=False)
        self.from_x = nn.Linear(width, N)
        self.around = nn.ParameterList(
            nn.Parameter(_uniform(n, seen.stop - seen.start)) for n, seen in zip(self.sizes, self.seen))
        self.out = nn.Linear(self.sizes[0], width)

    def project(self, x):
        return self.from_x(x)

    def advance(self, p, h):
        d = torch.tanh(h)
        inside = torch.cat([linear(d[:, seen], W) for seen, W in zip(self.seen, self.around)], -1)
        return h + self.rates * (inside + p - h)

    def emit(self, h):
        return h[:, : self.sizes[0]]

    def readout(self, read, x):
        return self.out(torch.tanh(read))


def _check(time_constants: tuple[float, ...] | list[float], hidden: int | None) -> None:
    several = isinstance(time_constants, tuple | list) and len(time_constants) > 0
    if not several or any(not isinstance(tau, int | float) or tau < 1 for tau in time_constants):
        raise InputError(f"PVRNN: expected time constants of 1 or more, one for each group, got {time_constants!r}; "
                         "try (2.0, 4.0, 8.0)")
    if hidden is not None and len(time_constants) > hidden:
        raise InputError(f"PVRNN: {hidden} units cannot make {len(time_constants)} groups; "
                         f"try hidden={len(time_constants)}")


def _uniform(rows: int, columns: int) -> torch.Tensor:
    return torch.empty(rows, columns).uniform_(-(columns**-0.5), columns**-0.5)
