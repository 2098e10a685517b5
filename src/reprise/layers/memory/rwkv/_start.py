"""Where the parameters of every RWKV begin: over the channels of a layer, and over the layers of a stack."""
import torch
from jaxtyping import Float
from torch import Tensor, nn

__all__ = ["ahead", "high", "orthogonal_", "ramp", "shares", "speeds", "zigzag"]


def ahead(index: int, depth: int) -> tuple[float, float]:
    """How much of a stack is still above a layer, from 1 to nearly 0, and how much lies below it, from 0 to 1."""
    return 1 - index / depth, index / max(depth - 1, 1)


def ramp(width: int) -> Float[Tensor, "D"]:
    """From 0 to just below 1 over the channels."""
    return torch.arange(width) / width


def shares(width: int, above: float, below: float) -> Float[Tensor, "3 D"]:
    """Of x_t in what r, k and v are made of; the rest is the step before."""
    c = ramp(width)
    return torch.stack([c ** (0.5 * above), c**above, c**above + 0.3 * below])


def zigzag(width: int) -> Float[Tensor, "D"]:
    """0, 1, -1 over and over."""
    return (torch.arange(width) + 1) % 3 - 1.0


def speeds(width: int, slowest: float, span: float, power: float) -> Float[Tensor, "D"]:
    """Logarithms of decay rates: from slow channels to fast ones, later in the row the larger the power."""
    return slowest + span * torch.linspace(0, 1, width) ** power


def high(linear: nn.Linear) -> float:
    """The gain by which a matrix that widens keeps its outputs as large as its inputs."""
    return max(1.0, linear.out_features / linear.in_features) ** 0.5


def orthogonal_(*linears: nn.Linear, gain: float = 1.0) -> None:
    for linear in linears:
        nn.init.orthogonal_(linear.weight, gain * high(linear))
