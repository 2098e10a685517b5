"""Baselines that count and no more: the most frequent, the last again, Markov chains; and gaps as they were."""
from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Float64

from reprise.core.errors import InputError
from reprise.data.events.log import Case
from reprise.data.events.split import EventSplit
from reprise.forecasting.events.gaps import AnyGap, GapAfterGap, GapAfterKind
from reprise.forecasting.events.method import Prediction
from reprise.models.ngram import NGram, Symbols, most_order

__all__ = ["EventBaseline", "baseline_names", "create_baseline"]

ORDERS = range(1, 6)  # of the Markov chains
CHANCES = 1 << 24  # held at once
GAPS = {"mean": AnyGap, "kind": GapAfterKind, "stretch": GapAfterGap}


class EventBaseline:
    """A baseline of kinds, and one of the times between them.

    kinds: "most-frequent": always in the order of their counts; "repeat-last": the last again, as often as in training,
    and then by counts; "markov-1" to "markov-5": given the last so many events of the case, START among them, by an
    interpolated, modified Kneser-Ney n-gram, which backs off where it has seen little.
    gaps: "mean": the same exponential distribution for all; "kind": one for each kind of the event before; "stretch":
    a rate that is constant in stretches, for each stretch that the gap before was in (forecasting/events/gaps.py).
    """

    def __init__(self, kinds: str = "most-frequent", gaps: str = "mean") -> None:
        if kinds not in baseline_names():
            raise InputError(f"expected a baseline of {', '.join(baseline_names())}, got {kinds!r}")
        if gaps not in GAPS:
            raise InputError(f"expected gaps to be one of {', '.join(GAPS)}, got {gaps!r}")
        self.kinds, self.gaps = kinds, gaps

    def fit(self, split: EventSplit) -> "EventBaseline":
        """Counts the training part; there is nothing to choose."""
        log = split.train
        self._symbols = len(log.vocabulary) + 2  # with END and START
        ends = np.append(log.counts(), len(log)).astype(float)
        self._often = (ends + 1) / (ends + 1).sum()
        if self.kinds == "repeat-last":
            repeats = sum(int((np.diff(case.kinds) == 0).sum()) for case in log)
            self._repeated = (repeats + 1) / (log.events + 2)  # of what follows an event, an end included
        if self.kinds.startswith("markov"):
            order = int(self.kinds.rpartition("-")[2])
            self._chain = NGram(_symbols(log.cases, self._symbols - 2), order + 1, symbols=self._symbols)
        self._clock = GAPS[self.gaps](log) if log.timed else None
        return self

    def predict(self, cases: Sequence[Case]) -> Iterator[Prediction]:
        for group in _groups(cases, CHANCES // self._symbols):
            lengths = [len(case) + 1 for case in group]
            chances = self._chances(group)
            for case, rows in zip(group, np.split(np.log(chances), np.cumsum(lengths)[:-1]), strict=True):
                yield Prediction(rows, None if self._clock is None or case.times is None else self._clock(case))

    def _chances(self, cases: Sequence[Case]) -> Float64[np.ndarray, "N S"]:
        if self.kinds.startswith("markov"):
            text = _symbols(cases, self._symbols - 2)
            following = np.ones(len(text), dtype=bool)
            following[text.starts] = False  # START itself is not predicted
            found = self._chain.distributions(text)[following, :-1]
            return found / found.sum(1, keepdims=True)
        chances = np.tile(self._often, (sum(len(case) + 1 for case in cases), 1))
        if self.kinds == "repeat-last":
            last = np.concatenate([np.append(-1, case.kinds) for case in cases])
            after = np.flatnonzero(last >= 0)
            rest = chances[after, last[after]]
            chances[after] *= ((1 - self._repeated) / (1 - rest))[:, None]
            chances[after, last[after]] = self._repeated
        return chances


def baseline_names(kinds: int = 2) -> list[str]:
    """The baselines for so many kinds, the simplest first: of many kinds, only shorter Markov chains can be counted."""
    longest = most_order(kinds + 2) - 1
    return ["most-frequent", "repeat-last", *(f"markov-{order}" for order in ORDERS if order <= longest)]


def create_baseline(name: str) -> EventBaseline:
    """By name, each with the gaps that go with it. Raises InputError for another."""
    return EventBaseline(name, {"most-frequent": "mean", "repeat-last": "kind"}.get(name, "stretch"))


def _symbols(cases: Sequence[Case], end: int) -> Symbols:
    """Cases end to end, each begun with START and closed with END."""
    lengths = np.array([len(case) + 2 for case in cases])
    tokens = [np.concatenate([[end + 1], case.kinds, [end]]) for case in cases]
    return Symbols(np.concatenate(tokens), np.cumsum(lengths) - lengths)


def _groups(cases: Sequence[Case], most: int) -> Iterator[list[Case]]:
    """A few cases after the other, until there are `most` events or more."""
    group: list[Case] = []
    events = 0
    for case in cases:
        group.append(case)
        events += len(case)
        if events >= most:
            yield group
            group, events = [], 0
    if group:
        yield group
