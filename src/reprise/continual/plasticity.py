"""What is measured of a network that loses the ability to learn: units that died, the rank of what it sees, weights."""
from collections.abc import Iterable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from reprise.continual.strategy import listening
from reprise.core.errors import InputError
from reprise.core.modes import undisturbed

__all__ = ["activations", "dead_units", "effective_rank", "share_rank", "stable_rank", "weight_magnitude"]


@torch.no_grad()
def activations(model: nn.Module, x: Tensor, names: Iterable[str]) -> dict[str, Float[Tensor, "N D"]]:
    """What the named modules give for x, a row an example (or an example and step), in evaluation mode.

    The model is left in the mode it was in. Raises InputError for a name that no module has, and for one not called.
    """
    names = tuple(names)
    with undisturbed(model.modules()), listening(model, names) as seen:
        model(x)
    return {name: seen[name].flatten(0, -2) for name in names}


def dead_units(activity: Float[Tensor, "N D"], tolerance: float = 0.0) -> float:
    """The share of units whose activity is at most `tolerance` in size for every example: of relu, those never on.

    Source: Dohare et al. 2023, arXiv:2306.13812, sec. 4 (dohare2023loss)
    """
    return (_rows(activity).abs().amax(0) <= tolerance).double().mean().item()


def effective_rank(activity: Float[Tensor, "N D"]) -> float:
    """exp(entropy of p), p = singular values over their sum: the number of directions, each counted by its size.

    Source: Roy & Vetterli 2007, EUSIPCO, sec. 2 (roy2007effective); of features, Dohare et al. 2023, arXiv:2306.13812
    """
    p = _shares(activity)
    return torch.special.entr(p).sum().exp().item() if p.sum() else 0.0


def stable_rank(activity: Float[Tensor, "N D"]) -> float:
    """|A|_F^2 / |A|_2^2: squares of all singular values over that of the largest.

    Source: Rudelson & Vershynin 2007, arXiv:math/0503442, sec. 1 (rudelson2007sampling)
    """
    squares = torch.linalg.svdvals(_rows(activity)).square()
    return (squares.sum() / squares[0]).item() if squares.sum() else 0.0


def share_rank(activity: Float[Tensor, "N D"], share: float = 0.99) -> int:
    """The least number of singular values that make up this share of their sum.

    Source: Kumar et al. 2020, arXiv:2010.14498, sec. 3 (kumar2020implicit), who call it effective rank; Dohare et al.
    2024, doi:10.1038/s41586-024-07711-7, call it stable rank
    """
    p = _shares(activity)
    return int((p.cumsum(0) < share * p.sum() - 1e-12).sum()) + 1 if p.sum() else 0


@torch.no_grad()
def weight_magnitude(model: nn.Module) -> float:
    """The mean size of all weights of matrices, without biases and gains."""
    sizes = [p.abs().double() for p in model.parameters() if p.ndim > 1]
    if not sizes:
        raise InputError("weight_magnitude: the model has no matrix")
    return (sum(size.sum() for size in sizes) / sum(size.numel() for size in sizes)).item()


def _shares(activity: Tensor) -> Tensor:
    values = torch.linalg.svdvals(_rows(activity))
    return values / values.sum() if values.sum() else values


def _rows(activity: Tensor) -> Tensor:
    if activity.ndim != 2 or not activity.numel():
        raise InputError(f"expected activity of shape (N, D), a row an example, got {tuple(activity.shape)}")
    return activity.double()
