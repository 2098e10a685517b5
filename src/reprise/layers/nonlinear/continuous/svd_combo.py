import torch
from torch import nn

from reprise.layers.nonlinear.continuous._assembly import Assembly

__all__ = ["SVDCombo"]


class SVDCombo(Assembly):
    """SVD Combo Net: learned modules that contract by their form, joined by feedback that cannot undo it.

        x_t = x_{t-1} + dt (-x_{t-1} + W relu(x_{t-1}) + L x_{t-1} + U u_t + b);   y_t = C x_t + c, u the input
        W_i = Q_i^-1 R_i exp(-z_i^2) S_i' Q_i, R and S orthogonal, Q = exp(q) diagonal;   L = B - Q^-2 B' Q^2

    Shapes   u (B T D) -> y (B T D);  memory x (B N)
    Cost     4 T (N^2 + D N) work, T depth; once a call 60 N (N / M)^2 for the orthogonal matrices
    Source   Kozachkov et al. 2021, arXiv:2106.08928   (kozachkov2021rnns)
    Differs  R and S are exponentials of a matrix less its transpose, which start normal with variance 1 / n; z starts
             standard normal and q at 0, the paper does not say; as for dt and Euler's steps, see SparseCombo
    """

    undecayed_parameters = ("turns", "z", "q")

    def __init__(self, width: int, hidden: int | None = None, modules: int | None = None, dt: float = 0.1):
        super().__init__(width, hidden, modules, dt)
        M, n = self.count, self.size
        self.turns = nn.Parameter(torch.randn(2, M, n, n) * n**-0.5)
        self.z = nn.Parameter(torch.randn(M, n))
        self.q = nn.Parameter(torch.zeros(M, n))

    def inner(self):
        turns = self.turns.to(torch.promote_types(self.turns.dtype, torch.float32))
        R, S = torch.linalg.matrix_exp(turns - turns.mT).to(self.z.dtype)
        seen = (R * torch.exp(-self.z.square())[:, None]) @ S.mT
        return seen * torch.exp(self.q[:, None] - self.q[..., None]), torch.exp(2 * self.q)
