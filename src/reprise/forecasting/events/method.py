"""The protocol of everything that predicts events: learn from a split, then say of each event what was expected."""
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float64

from reprise.data.events.log import Case
from reprise.data.events.split import EventSplit

__all__ = ["EventMethod", "Prediction", "Timing"]


class Timing(NamedTuple):
    """Of each of T events, the gap before it: what was expected, and what the one that came costs.

    Both are NaN for the first event, before which there is no gap. Costs are nats: -log of the mass of a gap of 0, or
    of the density at one above it, for the log's unit of time.
    """

    expected: Float64[np.ndarray, " T"]
    costs: Float64[np.ndarray, " T"]


class Prediction(NamedTuple):
    """What was expected of one case of T events.

    kinds: in row t, the logarithm of the chance of every kind to be event t, given those before it, and in the last
    column that the case ends there; so row T, past the last event, is about the end alone.
    timing: None for a log without times, or a method that says nothing of them.
    """

    kinds: Float64[np.ndarray, "T1 V1"]
    timing: Timing | None


@runtime_checkable
class EventMethod(Protocol):
    """A way to predict events. Law: row t, and the gap expected at t, depend on the events before t alone; what the gap
    at t costs depends on no more than that and the gap itself.
    """

    def fit(self, split: EventSplit) -> "EventMethod":
        """Learns from the training part, and may choose by the validation part; returns itself."""

    def predict(self, cases: Sequence[Case]) -> Iterator[Prediction]:
        """One prediction a case, in order; cases are numbered under the vocabulary of the split."""
