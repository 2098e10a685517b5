"""A log in three parts: to learn from, to choose by, to be scored on."""
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import numpy as np

from reprise.core.errors import InputError
from reprise.data.events.log import UNKNOWN, EventLog

__all__ = ["EventSplit", "split_events"]

SHARES = (0.7, 0.1, 0.2)
WAYS = ("official", "case", "event")


@dataclass(frozen=True, eq=False)
class EventSplit:
    """Three logs under one vocabulary: the kinds of the training part, most frequent first, and UNKNOWN at the end.

    how: the way it was split, in words.
    """

    train: EventLog
    valid: EventLog
    test: EventLog
    how: str

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """Of all three parts."""
        return self.train.vocabulary

    def told(self) -> str:
        """How it was split, and what of it was never seen in training."""
        strange = len(self.vocabulary) - 1
        lost = sum(int((case.kinds == strange).sum()) for case in self.test)
        sizes = ", ".join(f"{name} {len(log):,} cases with {log.events:,} events" for name, log in
                          (("train", self.train), ("valid", self.valid), ("test", self.test)))
        unseen = f"; {lost:,} events of the test part are of kinds that training never saw" if lost else ""
        return f"split {self.how}: {sizes}{unseen}."


def split_events(
    log: EventLog, by: Literal["official", "case", "event"] | None = None,
    shares: tuple[float, float, float] = SHARES,
) -> EventSplit:
    """shares: of train, valid and test.   by: left out, "official" where the log has parts, otherwise "case", and
    "event" where there are too few cases for three parts.

    case: whole cases in the order of their first events, so that the test part has those that begin last.
    official: the test part as it was published; valid are the last of the published training cases.
    event: each case is cut in time, its last events are tested; every part begins without what came before it.
    Raises InputError where a part would be left without a case.
    """
    if by not in (None, *WAYS):
        raise InputError(f"split_events: expected by to be one of {', '.join(WAYS)}, got {by!r}")
    if len(shares) != 3 or min(shares) < 0 or not shares[0] or not shares[2] or abs(sum(shares) - 1) > 1e-6:
        raise InputError(f"split_events: expected the shares of train, valid and test, of which the first and the last "
                         f"are above 0, to sum to 1, got {shares}; try {SHARES}")
    if by is None:
        all_before = round(len(log) * (shares[0] + shares[1])) == len(log)  # too few cases for one to be tested
        by = "official" if log.parts else "event" if all_before else "case"
    if by == "event":
        return _in_time(log, shares)
    if by == "official":
        return _official(log, shares)
    ends = [round(len(log) * share) for share in np.cumsum(shares[:2])]
    train, valid, test = (log.take(range(*span)) for span in ((0, ends[0]), (ends[0], ends[1]), (ends[1], len(log))))
    return _under_training(train, valid, test, f"by case, later cases in the test part{_overlap(train, test)}")


def _official(log: EventLog, shares: tuple[float, float, float]) -> EventSplit:
    if not {"train", "test"} <= set(log.parts):
        raise InputError(f"{log.name} has no official parts; split it by='case'")
    train = [place for place, part in enumerate(log.parts) if part == "train"]
    test = [place for place, part in enumerate(log.parts) if part == "test"]
    end = len(train) - round(len(train) * shares[1] / (shares[0] + shares[1]))
    parts = [replace(log.take(places), parts=()) for places in (train[:end], train[end:], test)]
    return _under_training(*parts, "as published, the last cases for training held out to choose by")


def _in_time(log: EventLog, shares: tuple[float, float, float]) -> EventSplit:
    bounds = np.array([0, shares[0], shares[0] + shares[1], 1])
    parts = []
    for first, end in pairwise(bounds):
        spans = [(case, round(first * len(case)), round(end * len(case))) for case in log]
        cases = tuple(case.cut(*span) for case, *span in spans if span[0] < span[1])
        parts.append(replace(log, cases=cases, parts=()))
    return _under_training(*parts, "by event, the last of every case in the test part, each part begun anew")


def _under_training(train: EventLog, valid: EventLog, test: EventLog, how: str) -> EventSplit:
    """What training never saw has no number of its own: it cannot be predicted, and must not be counted on."""
    for name, part in (("train", train), ("test", test)):
        if not part.cases:
            raise InputError(f"{part.name}: the {name} part would have no case; give a longer log, other shares, or "
                             "by='event', which cuts within cases")
    counts = train.counts()
    order = np.argsort(-counts, kind="stable")
    vocabulary = (*(train.vocabulary[i] for i in order if counts[i] and train.vocabulary[i] != UNKNOWN), UNKNOWN)
    return EventSplit(train.under(vocabulary), valid.under(vocabulary), test.under(vocabulary), how)


def _overlap(train: EventLog, test: EventLog) -> str:
    """What a split by case cannot avoid where cases overlap: it is said."""
    if not (train.cases and test.cases and test.cases[0].start is not None and train.timed):
        return ""
    late = sum(case.start + case.times[-1] > test.cases[0].start for case in train)
    return f" ({late:,} training cases go on after the first of them has begun)" if late else ""
