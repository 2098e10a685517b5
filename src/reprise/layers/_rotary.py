"""Rotary positions: pairs of components as complex numbers, turned by an angle that grows with position."""
import torch
from jaxtyping import Float, Int
from torch import Tensor

__all__ = ["rotate", "turn"]


def turn(z: Float[Tensor, "B T H K"], angle: Float[Tensor, "B T 1 J"]) -> Float[Tensor, "B T H K"]:
    """Component j and component j + J as one complex number, turned; in float32 at least. What is over stays."""
    half, precision = angle.shape[-1], torch.promote_types(z.dtype, torch.float32)
    cos, sin = angle.cos().to(precision), angle.sin().to(precision)
    a, b, rest = z.split((half, half, z.shape[-1] - 2 * half), -1)
    return torch.cat((a * cos - b * sin, a * sin + b * cos, rest), -1)


def rotate(
    z: Float[Tensor, "B T H K"], n: Int[Tensor, "B T"], size: int, base: float = 10000.0
) -> Float[Tensor, "B T H K"]:
    """The first `size` components turned by n theta_j, theta_j = base^(-2 j / size), as Su et al. 2021 do."""
    exponent = torch.arange(size // 2, dtype=torch.float64, device=z.device) / max(size // 2, 1)
    return turn(z, n[..., None, None] * base**-exponent).to(z.dtype)  # in float64: a position of a million has an angle
