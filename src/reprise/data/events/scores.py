"""How good predictions of events are: pure functions on arrays."""
import numpy as np
from jaxtyping import Float64, Int64

__all__ = ["going_on", "hits", "ranks", "reciprocal_ranks"]


def ranks(scores: Float64[np.ndarray, "T V"], truth: Int64[np.ndarray, " T"]) -> Int64[np.ndarray, " T"]:
    """The place of what happened, 1 for first, among all kinds by their scores.

    What scores the same comes before it: who cannot tell two kinds apart gets no credit for either.

    >>> ranks(np.array([[0.5, 0.2, 0.3], [1.0, 1.0, 1.0]]), np.array([2, 0])).tolist()
    [2, 3]
    """
    return (scores >= scores[np.arange(len(truth)), truth][:, None]).sum(1)


def hits(ranks: Int64[np.ndarray, " T"], most: int) -> float:
    """The share of events among the `most` likeliest; with one, accuracy."""
    return float((ranks <= most).mean())


def reciprocal_ranks(ranks: Int64[np.ndarray, " T"]) -> float:
    """The mean of 1 / rank (MRR)."""
    return float((1 / ranks).mean())


def going_on(kinds: Float64[np.ndarray, "T1 V1"]) -> Float64[np.ndarray, "T V"]:
    """From the logarithms of chances of kinds and of the end, those of kinds, given that the case goes on.

    The last row, about what comes after the last event, is left out.
    """
    kept = kinds[:-1, :-1]
    return kept - np.logaddexp.reduce(kept, 1, keepdims=True)
