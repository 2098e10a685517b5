"""Logs of events: cases, each a sequence of kinds of event with their times."""
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64

from reprise.core.errors import InputError

__all__ = ["UNKNOWN", "Case", "EventLog"]

UNKNOWN = "<unknown>"  # the kind of what a vocabulary does not have


@dataclass(frozen=True, eq=False)
class Case:
    """One case (a user, a session, an order): its events, oldest first.

    kinds: of each event, its place in the log's vocabulary.   times: seconds since the case's first event (or the
    file's own unit, where time is a number there), or None where the log has no times; never falling.
    attributes: A numbers an event, NaN where the file says nothing.
    start: when its first event was, since the earliest of the log, in the same unit; None where that is not known.
    """

    name: str
    kinds: Int64[np.ndarray, " T"]
    times: Float64[np.ndarray, " T"] | None
    attributes: Float64[np.ndarray, "T A"]
    start: float | None = None

    def __len__(self) -> int:
        return len(self.kinds)

    @property
    def gaps(self) -> Float64[np.ndarray, " T"] | None:
        """The time from the event before to each; 0 for the first, of which nothing is known."""
        return None if self.times is None else np.diff(self.times, prepend=self.times[:1])

    def cut(self, first: int, end: int) -> "Case":
        """Events `first` to before `end`, as a case of its own whose clock begins at its first event."""
        if self.times is None or first >= end:
            return replace(self, kinds=self.kinds[first:end], attributes=self.attributes[first:end],
                           times=None if self.times is None else self.times[first:end])
        start = None if self.start is None else self.start + float(self.times[first])
        return Case(self.name, self.kinds[first:end], self.times[first:end] - self.times[first],
                    self.attributes[first:end], start)


@dataclass(frozen=True, eq=False)
class EventLog:
    """All cases of a file, in the order of their first events. vocabulary: the kinds of event, most frequent first.

    notes: what was found and done on the way, a sentence each: nothing is mended in silence.
    parts: of each case the official part it is in, "train" or "test"; empty where there are none.
    unit: of its times, "s"; "" where the file has numbers, and does not say of what.
    """

    name: str
    cases: tuple[Case, ...]
    vocabulary: tuple[str, ...]
    attributes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    unit: str = ""

    def __len__(self) -> int:
        return len(self.cases)

    def __iter__(self) -> Iterator[Case]:
        return iter(self.cases)

    @property
    def events(self) -> int:
        """How many, in all cases."""
        return sum(map(len, self.cases))

    @property
    def timed(self) -> bool:
        """Whether its events have times."""
        return bool(self.cases) and self.cases[0].times is not None

    def counts(self) -> Int64[np.ndarray, " V"]:
        """How often each kind occurs."""
        every = np.concatenate([case.kinds for case in self.cases]) if self.cases else np.zeros(0, np.int64)
        return np.bincount(every, minlength=len(self.vocabulary))

    def take(self, places: Sequence[int] | np.ndarray) -> "EventLog":
        """Some of its cases, in the order given."""
        parts = tuple(self.parts[i] for i in places) if self.parts else ()
        return replace(self, cases=tuple(self.cases[i] for i in places), parts=parts)

    def under(self, vocabulary: Sequence[str]) -> "EventLog":
        """The same events by the numbers of another vocabulary, what it does not have as UNKNOWN.

        Raises InputError where that has no UNKNOWN, and there is need of it.
        """
        place = {kind: number for number, kind in enumerate(vocabulary)}
        there = self.counts() > 0
        lost = [kind for kind, used in zip(self.vocabulary, there, strict=True) if used and kind not in place]
        if lost and UNKNOWN not in place:
            raise InputError(f"{self.name}: has kinds of event that the vocabulary does not have, such as {lost[0]!r}; "
                             f"add {UNKNOWN!r} to it, which stands for them")
        number = np.array([place.get(kind, place.get(UNKNOWN, 0)) for kind in self.vocabulary], np.int64)
        cases = tuple(replace(case, kinds=number[case.kinds]) for case in self.cases)
        return replace(self, cases=cases, vocabulary=tuple(vocabulary))

    def card(self) -> dict[str, Any]:
        """What a report says of it, as plain values."""
        lengths = np.array([len(case) for case in self.cases])
        counts = self.counts()
        spread = {"least": int(lengths.min()), "median": float(np.median(lengths)), "most": int(lengths.max())}
        card = {"name": self.name, "cases": len(self), "events": self.events, "kinds": int((counts > 0).sum()),
                "once": int((counts == 1).sum()), "lengths": spread, "attributes": list(self.attributes)}
        if self.timed:
            gaps = np.concatenate([case.gaps[1:] for case in self.cases])
            card["unit"] = self.unit
            card["gaps"] = {"median": float(np.median(gaps)), "longest": float(gaps.max()),
                            "at once": int((gaps == 0).sum())} if len(gaps) else {}
        return card | {"notes": list(self.notes)}

    def told(self) -> str:
        """What it holds, and what was done on the way, in one paragraph."""
        card = self.card()
        lengths = card["lengths"]
        said = [f"{self.name}: {_count(len(self), 'case')}, {_count(self.events, 'event')} of "
                f"{_count(card['kinds'], 'kind')}, lengths {lengths['least']:,} to {lengths['most']:,} "
                f"(median {lengths['median']:g})", _told_of_gaps(card)]
        if card["once"]:
            said.append(f"{_count(card['once'], 'kind')} seen only once")
        if self.attributes:
            said.append(f"attributes {', '.join(self.attributes)}")
        if self.parts:
            said.append(f"official parts: {', '.join(sorted(set(self.parts), reverse=True))}")
        return "; ".join([*said, *self.notes]) + "."


def _told_of_gaps(card: dict[str, Any]) -> str:
    if "gaps" not in card:
        return "no times"
    gaps = card["gaps"]
    if not gaps:
        return "with times, but no case has two events"
    at_once = f", {gaps['at once']:,} of them 0" if gaps["at once"] else ""
    unit = f" {card['unit']}" if card["unit"] else ""
    return f"gaps of {gaps['median']:.4g}{unit} (median) and at most {gaps['longest']:.4g}{unit}{at_once}"


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
