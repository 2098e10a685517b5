"""Methods scored on the events of a log, all of them in the same way."""
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float64, Int64

from reprise.core.errors import InputError
from reprise.data.events.log import UNKNOWN, Case, EventLog
from reprise.data.events.scores import going_on, hits, ranks, reciprocal_ranks
from reprise.forecasting.events.method import EventMethod, Prediction

__all__ = ["EventScores", "evaluate"]

TOPS = (1, 3, 5, 10)


@dataclass(frozen=True)
class EventScores:
    """Means over events. Kinds are scored given that the case goes on, the first of each case among them.

    nll: nats a kind.   accuracy: of the likeliest.   mrr: mean reciprocal rank.   hits: share among the k likeliest.
    time_nll: nats a gap; time_mae: distance of the expected gap, in the log's unit: of all events but the first.
    unknown: how many events were of kinds that training never saw; they are scored as the rest.
    by_place: the same by the place in the case, places doubling: a row a group.
    """

    events: int
    nll: float
    accuracy: float
    mrr: float
    hits: dict[int, float]
    time_nll: float | None
    time_mae: float | None
    unknown: int
    by_place: tuple[dict[str, Any], ...]


class _Each(NamedTuple):
    """Of every event of a log, what is scored."""

    place: Int64[np.ndarray, " N"]
    nll: Float64[np.ndarray, " N"]
    rank: Int64[np.ndarray, " N"]
    time_nll: Float64[np.ndarray, " N"]  # NaN where there is none
    error: Float64[np.ndarray, " N"]


def evaluate(method: EventMethod, log: EventLog, tops: tuple[int, ...] = TOPS) -> EventScores:
    """A method that has been fitted, on a log under the same vocabulary, as a part of its split is.

    Raises InputError for a log without events.
    """
    parts = [_scored(case, found) for case, found in zip(log, method.predict(log.cases), strict=True)]
    if not parts:
        raise InputError(f"{log.name}: expected an event or more to score, got none; give a part with cases")
    every = _Each(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
    timed = ~np.isnan(every.time_nll)
    unknown = log.vocabulary.index(UNKNOWN) if UNKNOWN in log.vocabulary else -1
    return EventScores(
        events=len(every.rank), nll=float(every.nll.mean()), accuracy=hits(every.rank, 1),
        mrr=reciprocal_ranks(every.rank), hits={top: hits(every.rank, top) for top in tops},
        time_nll=float(every.time_nll[timed].mean()) if timed.any() else None,
        time_mae=float(every.error[timed].mean()) if timed.any() else None,
        unknown=sum(int((case.kinds == unknown).sum()) for case in log), by_place=tuple(_by_place(every)))


def _scored(case: Case, found: Prediction) -> _Each:
    chances = going_on(found.kinds)
    there = np.arange(len(case))
    nothing = np.full(len(case), np.nan)
    timed = found.timing is not None and case.gaps is not None
    return _Each(there, -chances[there, case.kinds], ranks(chances, case.kinds),
                 found.timing.costs if timed else nothing,
                 np.abs(found.timing.expected - case.gaps) if timed else nothing)


def _by_place(every: _Each) -> Iterator[dict[str, Any]]:
    """Places 0, 1, 2 to 3, 4 to 7, ..."""
    group = np.where(every.place == 0, 0, np.log2(np.maximum(every.place, 1)).astype(int) + 1)
    for number in range(int(group.max()) + 1):
        mine = group == number
        first = 0 if number == 0 else 2 ** (number - 1)
        errors = every.error[mine & ~np.isnan(every.error)]
        yield {"first": first, "last": min(2 * first - 1 if first else 0, int(every.place.max())),
               "events": int(mine.sum()), "nll": float(every.nll[mine].mean()), "accuracy": hits(every.rank[mine], 1),
               "time_mae": float(errors.mean()) if len(errors) else None}
