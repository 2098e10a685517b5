"""Chaotic systems: orbits of ordinary differential equations, the series that a model of dynamics is to learn."""
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from reprise.core.errors import InputError, check_counts, need, suggest

__all__ = ["SYSTEMS", "Piece", "System", "noisy", "orbit", "pieces", "standardised"]


class System(NamedTuple):
    """dx / dt = flow(x), and where orbits may begin: normal around `start`."""

    flow: Callable[[Any], Any]  # of numbers or of tensors, along the first dimension
    start: tuple[float, ...]


def lorenz63(x: Any, sigma: float = 10.0, rho: float = 28.0, beta: float = 8 / 3) -> list[Any]:
    """Lorenz 1963, doi:10.1175/1520-0469(1963)020<0130:DNF>2.0.CO;2; exponents 0.906, 0 and -14.572 a unit of time."""
    a, b, c = x
    return [sigma * (b - a), a * (rho - c) - b, a * b - beta * c]


def lorenz96(x: Any, forcing: float = 8.0) -> list[Any]:
    """Lorenz 1996, a ring of as many sites as x has: dx_i/dt = (x_{i+1} - x_{i-2}) x_{i-1} - x_i + forcing."""
    N = len(x)
    return [(x[(i + 1) % N] - x[i - 2]) * x[i - 1] - x[i] + forcing for i in range(N)]


def roessler(x: Any, a: float = 0.2, b: float = 0.2, c: float = 5.7) -> list[Any]:
    """Roessler 1976, doi:10.1016/0375-9601(76)90101-8; its largest exponent is 0.0714 a unit of time."""
    u, v, w = x
    return [-v - w, u + a * v, b + w * (u - c)]


SYSTEMS = {
    "lorenz63": System(lorenz63, (1.0, 1.0, 25.0)),
    "lorenz96": System(lorenz96, (8.0,) * 20),
    "roessler": System(roessler, (1.0, 1.0, 0.0)),
}


def orbit(name: str, steps: int, *, every: float = 0.01, settle: float = 20.0, seed: int = 0) -> Float[Tensor, "T M"]:
    """An orbit of a system of SYSTEMS, looked at `every` so much time, in float64; by LSODA, to a tolerance of 1e-9.

    settle: time that passes first, until the orbit is on the attractor. seed: where it begins.
    Raises InputError for an unknown name, and for times and numbers of steps that are none.
    """
    check_counts("orbit", steps=steps)
    if name not in SYSTEMS:
        raise InputError(f"orbit: no system is named {name!r}{suggest(name, SYSTEMS)}")
    if not every > 0 or not settle >= 0:
        raise InputError(f"orbit: expected every above 0 and settle of 0 or more, got every={every}, settle={settle}")
    solve = need("scipy.integrate", "studies").odeint
    system = SYSTEMS[name]
    start = np.asarray(system.start) + np.random.default_rng(seed).normal(size=len(system.start))
    times = settle + every * np.arange(steps)
    found = solve(lambda _, x: system.flow(x.tolist()), start, [0.0, *times], rtol=1e-9, atol=1e-9, mxstep=10**6,
                  tfirst=True)
    return torch.from_numpy(found[1:].copy())


def standardised(series: Float[Tensor, "T M"]) -> Float[Tensor, "T M"]:
    """Every dimension with mean 0 and deviation 1."""
    return (series - series.mean(0)) / series.std(0)


def noisy(series: Float[Tensor, "T M"], share: float, seed: int = 0) -> Float[Tensor, "T M"]:
    """With normal noise added whose deviation is this share of each dimension's own."""
    noise = torch.randn(series.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(series)
    return series + share * series.std(0) * noise


class Piece(NamedTuple):
    """Rows of a batch, each a piece of the series."""

    x: Float[Tensor, "B T M"]


def pieces(series: Float[Tensor, "N M"], batch: int, length: int, seed: int = 0) -> Iterator[Piece]:
    """Endless batches of pieces that begin anywhere. Raises InputError for a series shorter than one piece."""
    check_counts("pieces", batch=batch, length=length)
    if len(series) < length:
        raise InputError(f"pieces: a series of {len(series)} steps has no piece of {length}; ask for shorter ones")
    windows, generator = series.unfold(0, length, 1).transpose(1, 2), torch.Generator().manual_seed(seed)
    while True:
        yield Piece(windows[torch.randint(len(windows), (batch,), generator=generator)])
