"""Generalised teacher forcing: between two steps, the state is drawn towards the data by as much as gradients need."""
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.func import jacrev, vmap

from reprise.bases.cell import Cell
from reprise.core.errors import InputError, check_counts
from reprise.core.state import map_state
from reprise.training.objectives import Scored

__all__ = ["Adaptive", "Constant", "Forcing", "Sparse", "forced", "forced_error", "free_run", "jacobians"]


@runtime_checkable
class Forcing(Protocol):
    """How much of the data is mixed into the state before each step."""

    def strength(self, t: int) -> float:
        """The share of the data in the state from which step t + 1 is made; at t = 0 it is all data."""


@dataclass(frozen=True)
class Constant:
    """The same at every step: 1 is teacher forcing, 0 free running."""

    alpha: float

    def __post_init__(self) -> None:
        _check_share("Constant", self.alpha)

    def strength(self, t: int) -> float:
        return self.alpha


@dataclass(frozen=True)
class Sparse:
    """The data themselves every so many steps, and nothing of them between.

    Source  Mikhaeil et al. 2022, arXiv:2110.07238, sparsely forced BPTT   (mikhaeil2022difficulty)
    """

    every: int

    def __post_init__(self) -> None:
        check_counts("Sparse", every=self.every)

    def strength(self, t: int) -> float:
        return float(t % self.every == 0)


@dataclass(frozen=True)
class Adaptive:
    """As much as keeps products of Jacobians from growing: alpha = max(0, 1 - 1 / s), s their size at the data.

    size: "largest", the largest singular value of any, with which no product ever grows; or "mean", per step of a
    piece: the T-th root of that of the product over it, of the piece where it is largest, which is milder. Larger
    values are followed at once, smaller ones by a running average that keeps `memory` of what was.

    Source  Hess et al. 2023, arXiv:2306.04406   (hess2023generalized)
    Differs "mean" is of the product of Jacobians itself; the authors estimate it from a geometric mean of their entries

    >>> forcing = Adaptive()
    >>> forcing = forcing.after(cell, batch.x)     # every few updates
    """

    alpha: float = 1.0  # before anything has been seen
    memory: float = 0.9
    size: Literal["largest", "mean"] = "mean"
    seen: bool = False

    def __post_init__(self) -> None:
        _check_share("Adaptive", self.alpha)
        if not 0 <= self.memory < 1 or self.size not in ("largest", "mean"):
            raise InputError(f"Adaptive: expected memory from 0 to below 1, and size 'largest' or 'mean'; got "
                             f"memory={self.memory}, size={self.size!r}")

    def strength(self, t: int) -> float:
        return self.alpha

    def after(self, cell: Cell, x: Float[Tensor, "B T M"]) -> "Adaptive":
        """What follows from the Jacobians of the cell at these data. Raises InputError where these are not finite."""
        J = jacobians(cell, x)
        if not J.isfinite().all():
            raise InputError(f"Adaptive: Jacobians of {type(cell).__name__} at these data are not finite; look at its "
                             "parameters, or lower the learning rate")
        s = torch.linalg.matrix_norm(J, 2).max() if self.size == "largest" else _mean_growth(J)
        alpha = 1 - 1 / max(float(s), 1.0)
        if self.seen and alpha < self.alpha:
            alpha = self.memory * self.alpha + (1 - self.memory) * alpha
        return replace(self, alpha=alpha, seen=True)


def forced(cell: Cell, x: Float[Tensor, "B T M"], forcing: Forcing) -> Float[Tensor, "B U M"]:
    """What a cell says of steps 1 to T - 1 (U of them) of a series that the first M numbers of its memory stand for.

        m~_t = ((1 - alpha) z_t + alpha x_t, rest of m_t);   m_{t+1} = F(m~_t);   z the first M numbers of m, z_0 = x_0

    What it says is free of the data of its own step; gradients pass by 1 - alpha, so that those over n steps are of
    size ((1 - alpha) s)^n, where Jacobians are of size s. The cell is given no input; memory past M begins as usual.
    Raises InputError for a cell whose memory is no vector, or one too small.

    Source  Hess et al. 2023, arXiv:2306.04406, with the identity as readout   (hess2023generalized)
    """
    m, p, M = _begin(cell, x[:, 0]), _no_input(cell, x[:, 0]), x.shape[2]
    said = []
    for t, x_t in enumerate(x[:, :-1].unbind(1)):
        alpha = forcing.strength(t) if t else 1.0
        if alpha:
            z = x_t if alpha == 1 else torch.lerp(m[:, :M], x_t, alpha)
            m = z if m.shape[1] == M else torch.cat([z, m[:, M:]], 1)
        m = cell.advance(p, m)
        said.append(m[:, :M])
    return torch.stack(said, 1) if said else x[:, 1:]


def forced_error(cell: Cell, batch: Any, forcing: Forcing) -> Scored:
    """The mean square error of `forced` on `batch.x` (B T M), as an objective is: for `fit`, give it a forcing.

    >>> fit(cell, pieces(series, 64, 100), lambda cell, batch, _: forced_error(cell, batch, forcing), optimiser)
    """
    errors = (forced(cell, batch.x, forcing) - batch.x[:, 1:]).square()
    return Scored(errors.sum(), errors.numel(), None)


@torch.no_grad()
def free_run(cell: Cell, start: Float[Tensor, "B M"], steps: int) -> Float[Tensor, "B T M"]:
    """The orbit that follows a start: steps 1 to T, with nothing of the data."""
    check_counts("free_run", steps=steps)
    m, p, M, orbit = _begin(cell, start), _no_input(cell, start), start.shape[1], []
    for _ in range(steps):
        m = cell.advance(p, m)
        orbit.append(m[:, :M])
    return torch.stack(orbit, 1)


def jacobians(cell: Cell, x: Float[Tensor, "B T M"]) -> Float[Tensor, "B T N N"]:
    """Of one step of the cell, from memories that are these data."""
    m = _begin(cell, x.flatten(0, 1)).detach()
    p = _no_input(cell, m[:1])
    found = vmap(jacrev(lambda one: cell.advance(p, one[None])[0]))(m)
    return found.detach().unflatten(0, x.shape[:2])


def _mean_growth(J: Float[Tensor, "B T N N"]) -> Float[Tensor, ""]:
    """Of the product over each row, the T-th root of the largest singular value, where it is largest."""
    product = torch.eye(J.shape[-1], dtype=J.dtype, device=J.device).expand(len(J), -1, -1)
    grown = J.new_zeros(len(J))
    for J_t in J.unbind(1):
        product = J_t @ product
        size = torch.linalg.matrix_norm(product).clamp(min=torch.finfo(J.dtype).tiny)
        product, grown = product / size[:, None, None], grown + size.log()
    return ((grown + torch.linalg.matrix_norm(product, 2).log()) / J.shape[1]).max().exp()


def _begin(cell: Cell, z: Float[Tensor, "B M"]) -> Float[Tensor, "B N"]:
    name, memory = type(cell).__name__, cell.initial_memory(len(z)) if isinstance(cell, Cell) else None
    if not isinstance(memory, Tensor) or memory.ndim != 2 or cell.local is not None:
        raise InputError(f"teacher forcing: expected a cell whose memory is one vector, such as plrnn, clipped_plrnn "
                         f"or elman, got {name}")
    if memory.shape[1] < z.shape[1]:
        raise InputError(f"teacher forcing: data of {z.shape[1]} numbers do not fit the memory of {name}, which has "
                         f"{memory.shape[1]}; make it at least as wide")
    return torch.cat([z.to(memory), memory[:, z.shape[1] :]], 1)


def _no_input(cell: Cell, like: Tensor) -> Any:
    return map_state(lambda p: p[:, 0], cell.project(like.new_zeros(1, 1, cell.width)))


def _check_share(who: str, alpha: float) -> None:
    if not 0 <= alpha <= 1:
        raise InputError(f"{who}: expected alpha from 0, free running, to 1, teacher forcing; got {alpha}")
