"""Steps of x' = a x + u for complex a, one number at a time: what S4D and S5 share."""
import math
from collections.abc import Callable

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from reprise.core.errors import InputError, suggest

__all__ = ["STEPS", "check_steps", "log_uniform"]

Step = tuple[Complex[Tensor, "*N"], Complex[Tensor, "*N"]]


def zero_order_hold(rate: Float[Tensor, "*N"], turn: Float[Tensor, "*N"], dt: Float[Tensor, "*#N"]) -> Step:
    """What is left after dt of x' = (-rate + i turn) x + u, and what a held u adds: exp(z), dt (exp(z) - 1) / z.

    z = (-rate + i turn) dt. The quotient is taken in real parts, none of which cancels; where z is small, its series.
    """
    x, y = -rate * dt, turn * dt
    left, square = torch.exp(x), x * x + y * y
    small = square < 1e-6
    z = torch.complex(torch.where(small, x, 0.0), torch.where(small, y, 0.0))
    scale = dt / torch.where(small, 1.0, square)
    real, imag = torch.expm1(x) * torch.cos(y) - 2 * torch.sin(y / 2).square(), left * torch.sin(y)
    quotient = torch.complex(scale * (real * x + imag * y), scale * (imag * x - real * y))
    series = 1 + z * (1 / 2) * (1 + z * (1 / 3) * (1 + z * (1 / 4) * (1 + z * (1 / 5))))
    return torch.polar(left, y), torch.where(small, dt * series, quotient)


def bilinear(rate: Float[Tensor, "*N"], turn: Float[Tensor, "*N"], dt: Float[Tensor, "*#N"]) -> Step:
    """The same by the trapezoid rule: (1 + z / 2) / (1 - z / 2), dt / (1 - z / 2)."""
    x, y = -rate * dt / 2, turn * dt / 2
    square = (1 - x).square() + y * y
    decay = torch.complex((1 - x * x - y * y) / square, 2 * y / square)
    return decay, torch.complex(dt * (1 - x) / square, dt * y / square)


STEPS: dict[str, Callable[..., Step]] = {"zoh": zero_order_hold, "bilinear": bilinear}


def check_steps(who: str, step: str, dt_min: float, dt_max: float) -> None:
    """Raises InputError for a step that there is none of, and for lengths that are no range."""
    if step not in STEPS:
        raise InputError(f"{who}: no step is named {step!r}{suggest(step, STEPS)}")
    if not 0 < dt_min <= dt_max < math.inf:
        raise InputError(f"{who}: dt_min={dt_min}, dt_max={dt_max} is no range; give 0 < dt_min <= dt_max")


def log_uniform(low: float, high: float, *shape: int) -> Tensor:
    """Logarithms, uniform between those of both ends."""
    return torch.empty(shape).uniform_(math.log(low), math.log(high))
