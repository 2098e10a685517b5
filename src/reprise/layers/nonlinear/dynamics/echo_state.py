import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import linear

from reprise.bases.cell import Cell
from reprise.core.errors import InputError, check_counts
from reprise.core.marks import NO_MARKS

__all__ = ["EchoState"]


class EchoState(Cell):
    """Echo-state network: a fixed random reservoir, and a read-out that alone is learned.

        h_t = (1 - a) h_{t-1} + a tanh(W h_{t-1} + U x_t);   y_t = V [h_t; x_t] + c;   W and U fixed

    Shapes   x (B T D) -> y (B T D);  memory h (B N)
    Cost     2 T (N^2 + 2 D N + D^2) work, T depth
    Source   Jaeger 2001, GMD report 148; Lukosevicius 2012, 10.1007/978-3-642-35289-8_36   (jaeger2001echo)
    Differs  the leak is that of Jaeger et al. 2007; no feedback from the output, and no bias of the input; `degree`
             units feed each, whatever N is, as the second source has it. A spectral radius below 1 is usual, and no
             proof of fading memory
    """

    def __init__(
        self, width: int, hidden: int | None = None, radius: float = 0.9, leak: float = 1.0, degree: int = 10,
        input_scaling: float = 1.0,
    ):
        check_counts("EchoState", width=width, hidden=hidden, degree=degree)
        if not (radius >= 0 and 0 < leak <= 1 and input_scaling > 0):
            raise InputError(f"EchoState: radius={radius}, leak={leak}, input_scaling={input_scaling} make no "
                             "reservoir; give a radius of 0 or more, a leak in (0, 1], an input_scaling above 0")
        N = max(64, width) if hidden is None else hidden
        super().__init__(width, (N,))
        self.leak = leak
        self.register_buffer("W", _reservoir(N, min(degree, N), radius))
        self.register_buffer("U", input_scaling * (2 * torch.rand(N, width) - 1))
        self.out = nn.Linear(N + width, width)

    def project(self, x):
        return linear(x, self.U)

    def advance(self, p, h):
        return h + self.leak * (torch.tanh(p + linear(h, self.W)) - h)

    def readout(self, h, x):
        return self.out(torch.cat([h, x], -1))

    @torch.no_grad()
    def fit_readout(
        self, x: Float[Tensor, "B T D"], target: Tensor, ridge: float = 1e-6, washout: int = 0,
    ) -> None:
        """Sets the read-out to the ridge regression from [h; x] to the target, the mean apart.

        The first `washout` steps of every row are left out. Raises InputError for a target or a ridge that do not
        fit, and without a ridge for fewer steps than unknowns.
        """
        self._check(x, None)
        if target.shape != x.shape or not 0 <= washout < x.shape[1] or not ridge >= 0:
            raise InputError(f"EchoState.fit_readout: expected a target of shape {tuple(x.shape)}, a ridge of 0 or "
                             f"more and a washout below {x.shape[1]}; got {tuple(target.shape)}, {ridge} and {washout}")
        read, _ = self.recur(self.project(x), self.initial_memory(len(x)), NO_MARKS)
        seen = torch.cat([read, x], -1)[:, washout:].flatten(0, 1).double()
        wanted = target[:, washout:].flatten(0, 1).double()
        unknowns = seen.shape[1] + 1
        if ridge == 0 and len(seen) < unknowns:
            raise InputError(f"EchoState.fit_readout: expected at least {unknowns} steps after the washout, as many as "
                             f"unknowns, for a ridge of 0, got {len(seen)}; try ridge=1e-6")
        centre, level = seen.mean(0), wanted.mean(0)
        seen, wanted = seen - centre, wanted - level
        weight = torch.linalg.solve(seen.T @ seen + ridge * torch.eye(seen.shape[1]).to(seen), seen.T @ wanted).T
        self.out.weight.copy_(weight)
        self.out.bias.copy_(level - weight @ centre)


def _reservoir(N: int, degree: int, radius: float) -> Float[Tensor, "N N"]:
    """Every row has `degree` normal entries; the largest eigenvalue has this absolute value."""
    W = torch.zeros(N, N, dtype=torch.float64)
    W.scatter_(1, torch.rand(N, N).topk(degree, 1).indices, torch.randn(N, degree, dtype=torch.float64))
    return (W * (radius / torch.linalg.eigvals(W).abs().max())).to(torch.get_default_dtype())
