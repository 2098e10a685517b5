"""What shallow piecewise-linear networks share: all but the function between their two matrices."""
from abc import abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor, nn

from reprise.bases.cell import Cell
from reprise.core.errors import check_counts

__all__ = ["ShallowPLRNN"]


class ShallowPLRNN(Cell):
    """h_t = A h_{t-1} + W1 f(W2 h_{t-1}, b2) + b1 + C x_t, A diagonal; a leaf says f, and how b2 starts."""

    def __init__(self, width: int, hidden: int | None = None):
        check_counts(type(self).__name__, width=width, hidden=hidden)
        N = 4 * width if hidden is None else hidden
        super().__init__(width, (width,))
        self.A = nn.Parameter(_start_of_decay(width))
        self.W2 = nn.Parameter(torch.empty(N, width).uniform_(-(width**-0.5), width**-0.5))
        self.b2 = nn.Parameter(torch.zeros(N))
        self.gather = nn.Linear(N, width)  # W1, b1
        self.from_x = nn.Linear(width, width, bias=False)
        nn.init.uniform_(self.gather.weight, -(N**-0.5), N**-0.5)
        nn.init.zeros_(self.gather.bias)
        nn.init.xavier_uniform_(self.from_x.weight)

    @abstractmethod
    def between(self, u: Float[Tensor, "B N"]) -> Float[Tensor, "B N"]:
        """f, of W2 h."""

    def project(self, x):
        return self.from_x(x)

    def advance(self, p, h):
        return self.A * h + self.gather(self.between(nn.functional.linear(h, self.W2))) + p


def _start_of_decay(width: int) -> Tensor:
    """The diagonal of a random positive definite matrix whose largest eigenvalue is 1."""
    R = torch.randn(width, width, dtype=torch.float64)
    K = R.T @ R / width + torch.eye(width, dtype=torch.float64)
    return (K.diagonal() / torch.linalg.eigvalsh(K)[-1]).to(torch.get_default_dtype())
