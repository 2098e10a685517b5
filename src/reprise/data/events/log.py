"""Logs of events: cases, each a sequence of kinds of event with their times."""
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

__all__ = ["Case", "EventLog"]


@dataclass(frozen=True, eq=False)
class Case:
    """One case (a user, a session, an order): its events, oldest first.

    kinds: of each event, its place in the log's vocabulary.   times: seconds since the case's first event, or None
    where the log has no times; never falling.   attributes: A numbers an event.
    """

    name: str
    kinds: Int64[np.ndarray, " T"]
    times: Float64[np.ndarray, " T"] | None
    attributes: Float64[np.ndarray, "T A"]

    def __len__(self) -> int:
        return len(self.kinds)


@dataclass(frozen=True, eq=False)
class EventLog:
    """All cases of a file, in the order of their first events. vocabulary: the kinds of event, most frequent first.

    notes: what was found and done on the way, a sentence each: nothing is mended in silence.
    """

    name: str
    cases: tuple[Case, ...]
    vocabulary: tuple[str, ...]
    attributes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.cases)

    def __iter__(self) -> Iterator[Case]:
        return iter(self.cases)
