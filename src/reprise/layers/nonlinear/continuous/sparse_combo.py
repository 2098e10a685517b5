import torch
from jaxtyping import Float
from torch import Tensor

from reprise.core.errors import InputError
from reprise.layers.nonlinear.continuous._assembly import Assembly, certify

__all__ = ["SparseCombo"]


class SparseCombo(Assembly):
    """Sparse Combo Net: fixed sparse modules that contract, joined by learned feedback that cannot undo it.

        x_t = x_{t-1} + dt (-x_{t-1} + W relu(x_{t-1}) + L x_{t-1} + U u_t + b);   y_t = C x_t + c, u the input
        W fixed, of M blocks, 1 - |W_i| stable in a metric P_i;   L = B - P^-1 B' P, B below the blocks

    Shapes   u (B T D) -> y (B T D);  memory x (B N)
    Cost     4 T (N^2 + D N) work, T depth
    Source   Kozachkov et al. 2021, arXiv:2106.08928   (kozachkov2021rnns)
    Differs  entries are uniform in [-1, 1], n of them at least, and scaled down until |W_i| has a spectral radius of
             `radius` at most; the paper draws until one is stable. B starts with variance 1 / N in the metric; dt is
             ours. The flow contracts for any B; Euler's steps do where sqrt(P) L / sqrt(P) is small beside 1 / sqrt(dt)
    """

    def __init__(
        self, width: int, hidden: int | None = None, modules: int | None = None, dt: float = 0.1,
        density: float = 0.05, radius: float = 0.9,
    ):
        if not (0 < density <= 1 and 0 < radius < 1):
            raise InputError(f"SparseCombo: density={density}, radius={radius}: give a density in (0, 1] and a radius "
                             "above 0 and below 1")
        super().__init__(width, hidden, modules, dt)
        W = torch.stack([_module(self.size, density, radius) for _ in range(self.count)])
        metric = torch.stack([certify(module)[0] for module in W])
        self.register_buffer("W", W.to(self.B.dtype))
        self.register_buffer("metric", metric.to(self.B.dtype))
        root, (row, column) = metric.sqrt(), torch.tril_indices(self.count, self.count, -1)
        with torch.no_grad():  # of one size in the metric, where its steps are judged
            self.B.mul_(root[column][:, None] / root[row][..., None])

    def inner(self):
        return self.W, self.metric


def _module(n: int, density: float, radius: float) -> Float[Tensor, "n n"]:
    """Sparse, in float64, and such that the largest eigenvalue of |W| is at most `radius`."""
    entries = max(n, round(density * n * n))
    W = torch.zeros(n * n, dtype=torch.float64)
    W[torch.randperm(n * n)[:entries]] = torch.empty(entries, dtype=torch.float64).uniform_(-1, 1)
    W = W.view(n, n)
    return W * (radius / torch.linalg.eigvals(W.abs()).abs().max().clamp(min=radius))
