"""Layers whose memory is a polynomial: what each feature was, as the coefficients of a few degrees."""
import math
from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from reprise.bases.recurrent import Recurrent
from reprise.core.errors import InputError, check_counts
from reprise.layers.linear._wide import wide
from reprise.layers.linear.state_space._hippo import System, bilinear
from reprise.ops.invariant_scan import invariant_scan

__all__ = ["PolynomialMemory", "Window"]


class PolynomialMemory(Recurrent):
    """c (B D N), read out by a linear map: one mixture of coefficients by feature, then a mixture of features."""

    def __init__(self, width: int, states: int):
        check_counts(type(self).__name__, width=width, states=states)
        super().__init__(width, (width, states))
        self.C = nn.Parameter(torch.randn(width, states) / math.sqrt(states))
        self.out = nn.Linear(width, width)

    @abstractmethod
    def basis(self, memory: Any, ago: Float[Tensor, "P"]) -> Float[Tensor, "*B P N"]:
        """The value of each degree's polynomial so many steps before now."""

    @abstractmethod
    def coefficients(self, memory: Any) -> Float[Tensor, "B D N"]:
        """Of the polynomials that the memory stands for."""

    def reconstruct(self, memory: Any, ago: Float[Tensor, "P"]) -> Float[Tensor, "B P D"]:
        """What the memory of a state holds of the input so many steps before now; the last step is held from 1 to 0."""
        c = self.coefficients(memory)
        return (c @ self.basis(memory, ago.to(c.dtype)).mT).mT

    def project(self, x):
        return x

    def readout(self, c, x):
        return self.out((c * self.C).sum(-1))


class Window(PolynomialMemory):
    """theta c' = A c + B x over a window that moves along, by the trapezoid rule; A and B as they are, or trained."""

    start: Callable[[int], System]  # A and B of so many states, in float64

    def __init__(self, width: int, states: int, theta: float, trained: bool):
        if not 0 < theta < math.inf:
            raise InputError(f"{type(self).__name__}: expected a theta above 0, in steps, got {theta}")
        super().__init__(width, states)
        self.theta = theta
        self.recurrent_parameters = ("A", "B") if trained else ()
        self.A, self.B = (nn.Parameter(z.float()) if trained else None for z in self.start(states))

    def recur(self, p, memory, marks):
        A, B = (self.A, self.B) if self.A is not None else (z.to(p.device) for z in self.start(self.memory_shape[1]))
        A, B = wide(A), wide(B)
        step, gain = bilinear(A, B, A.new_full((1,), 1 / self.theta))
        return invariant_scan(gain.to(memory.dtype) * p.to(memory.dtype)[..., None], step, memory, marks)

    def coefficients(self, memory):
        return memory
