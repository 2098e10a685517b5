"""What is kept, lost and gained over tasks: the published formulas, by name, from a matrix of scores.

Scores (T T): in row i, column j, what is right on task j after learning task i, as `learn_tasks` gives them.
"""
from jaxtyping import Float
from torch import Tensor

from reprise.core.errors import InputError

__all__ = ["average_accuracy", "backward_transfer", "forgetting", "forward_transfer", "harmonic_accuracy",
           "learning_accuracy"]

Scores = Float[Tensor, "T T"]


def average_accuracy(scores: Scores) -> float:
    """ACC = mean over j of R[T, j]: how well all tasks are done after the last.

    Source: Lopez-Paz & Ranzato 2017, arXiv:1706.08840, eq. 2 (lopezpaz2017gem)
    """
    return _square(scores)[-1].mean().item()


def learning_accuracy(scores: Scores) -> float:
    """LA = mean over j of R[j, j]: how well each task was done just after it was learned.

    Source: Riemer et al. 2018, arXiv:1810.11910, sec. 5 (riemer2018mer)
    """
    return _square(scores).diagonal().mean().item()


def backward_transfer(scores: Scores) -> float:
    """BWT = mean over j < T of R[T, j] - R[j, j]: what later tasks have done to earlier ones; below 0 is forgetting.

    Source: Lopez-Paz & Ranzato 2017, arXiv:1706.08840, eq. 3 (lopezpaz2017gem)
    """
    scores = _several(scores)
    return (scores[-1] - scores.diagonal())[:-1].mean().item()


def forward_transfer(scores: Scores, before: Float[Tensor, "T"]) -> float:
    """FWT = mean over j > 1 of R[j - 1, j] - b[j]: what earlier tasks do for one not learned yet; b: of a fresh model.

    Source: Lopez-Paz & Ranzato 2017, arXiv:1706.08840, eq. 4 (lopezpaz2017gem)
    """
    scores = _several(scores)
    return (scores.diagonal(1) - before[1:]).mean().item()


def forgetting(scores: Scores) -> float:
    """F = mean over j < T of (the largest R[i, j] of i < T) - R[T, j]: how far each task fell from its best.

    Source: Chaudhry et al. 2018, arXiv:1801.10112, sec. 3.1 (chaudhry2018riemannian)
    """
    scores = _several(scores)
    return (scores[:-1, :-1].amax(0) - scores[-1, :-1]).mean().item()


def harmonic_accuracy(old: float, new: float) -> float:
    """2 a b / (a + b) of the accuracies on old and on new classes: large only where both are; 0 where both are 0.

    Source: Peng et al. 2022, arXiv:2204.05310, sec. 4 (peng2022few)
    """
    return 2 * old * new / (old + new) if old + new else 0.0


def _square(scores: Tensor) -> Tensor:
    if scores.ndim != 2 or scores.shape[0] != scores.shape[1] or not len(scores):
        raise InputError(f"expected scores of shape (T, T), a row for each task learned, got {tuple(scores.shape)}")
    return scores


def _several(scores: Tensor) -> Tensor:
    if len(_square(scores)) < 2:
        raise InputError("transfer and forgetting are between tasks: expected scores of two or more, got one")
    return scores
