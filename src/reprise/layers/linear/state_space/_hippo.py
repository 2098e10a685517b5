"""HiPPO: the systems x' = A x + B u whose memory is the best polynomial of each degree to what it has seen.

Gu et al. 2020, arXiv:2008.07669, app. D, and Gu et al. 2022, arXiv:2206.11893, sec. 3. Everything is in float64 and
stable: A has the minus sign. What a memory stands for is read by the polynomials at the end.
"""
import torch
from jaxtyping import Float
from torch import Tensor

from reprise.ops.triangular_scan import Triangle

__all__ = ["bilinear", "lagt", "laguerre", "legendre", "legs", "legs_triangle", "legt", "normal_eigenvectors"]

System = tuple[Float[Tensor, "N N"], Float[Tensor, "N"]]


def legs(states: int) -> System:
    """Scaled Legendre: everything since the start counts the same; t x' = A x + B u."""
    n = torch.arange(states, dtype=torch.float64)
    p = (2 * n + 1).sqrt()
    return -torch.outer(p, p).tril(-1) - torch.diag(n + 1), p


def legs_triangle(like: Float[Tensor, "*B N"]) -> Triangle:
    """LegS as what its steps need, with the plus sign of -A, in the precision of a memory and where it is."""
    n = torch.arange(like.shape[-1], dtype=like.dtype, device=like.device)
    root = (2 * n + 1).sqrt()
    return Triangle(root, root, n + 1, root)


def legt(states: int) -> System:
    """Translated Legendre: the last theta count the same, and nothing before; theta x' = A x + B u."""
    n = torch.arange(states, dtype=torch.float64)
    p, sign = (2 * n + 1).sqrt(), 1 - 2 * (n % 2)
    outer = torch.outer(p, p)
    return -outer.tril() - (outer * torch.outer(sign, sign)).triu(1), p


def lagt(states: int) -> System:
    """Translated Laguerre: what was counts less and less, as exp(-ago / theta); theta x' = A x + B u."""
    ones = torch.ones(states, dtype=torch.float64)
    return -torch.outer(ones, ones).tril(), ones


def normal_eigenvectors(states: int) -> tuple[Float[Tensor, "N"], torch.Tensor]:
    """Of LegS plus the matrix of rank one that makes it normal: imaginary parts, rising, and vectors (N N), complex.

    All real parts are -1/2, and the imaginary parts come in pairs.
    """
    A, p = legs(states)
    turning = A + 0.5 * torch.outer(p, p) + 0.5 * torch.eye(states, dtype=torch.float64)  # is minus its transpose
    return torch.linalg.eigh(-1j * turning)


def bilinear(
    A: Float[Tensor, "N N"], B: Float[Tensor, "N"], dt: Float[Tensor, "H"], alpha: float = 0.5
) -> tuple[Float[Tensor, "H N N"], Float[Tensor, "H N"]]:
    """A step of x' = A x + B u for each length dt, by the generalised bilinear rule: backward Euler if alpha is 1."""
    moved = dt[:, None, None] * A
    one = torch.eye(len(A), dtype=A.dtype, device=A.device)
    both = torch.cat([one + (1 - alpha) * moved, dt[:, None, None] * B[:, None]], -1)
    both = torch.linalg.solve(one - alpha * moved, both)
    return both[..., :-1], both[..., -1]


def legendre(x: Float[Tensor, "*P"], states: int) -> Float[Tensor, "*P N"]:
    """Legendre polynomials on [0, 1], of mean square one."""
    n = torch.arange(states, device=x.device)
    return (2 * n.to(x.dtype) + 1).sqrt() * torch.special.legendre_polynomial_p(2 * x[..., None] - 1, n)


def laguerre(x: Float[Tensor, "*P"], states: int) -> Float[Tensor, "*P N"]:
    """Laguerre polynomials on x >= 0, of mean square one under exp(-x)."""
    return torch.special.laguerre_polynomial_l(x[..., None], torch.arange(states, device=x.device))
