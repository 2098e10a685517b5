"""Cases drawn from a workflow with phases, and strange ones: a rare event, a stretch reversed, phases out of order."""
from typing import Literal

import numpy as np
from jaxtyping import Int64

from reprise.core.errors import InputError, check_counts
from reprise.data.events.log import Case, EventLog

__all__ = ["STRANGE", "workflow"]

STRANGE = ("rare", "reversed", "swapped")
PHASES = (3, 4, 4)  # states of each; with the one between phases twelve
KINDS = 3  # of a state, the first the most frequent
CHANCES = (0.6, 0.3, 0.1)
BETWEEN, RARE = 4, 3  # kinds of the state between phases, and of rare events
SEEN = 5e-4  # chance that an event of a normal case is a rare one
STRETCH = 5  # events of a reversed stretch


def workflow(cases: int, seed: int = 0, strange: Literal["rare", "reversed", "swapped"] | None = None) -> EventLog:
    """Cases of 32 to 58 events of 40 kinds: three phases, with seven or eight events of waiting between them.

    In a phase each state stays, or goes on to the next of its ring, and says one of its three kinds. Strange cases have
    one "rare" event that is rare among normal ones, too; five events of a phase "reversed", that no state could follow;
    or the last two phases "swapped": every stretch of seven events is then as in a normal case.
    """
    check_counts("workflow", cases=cases)
    if strange not in (None, *STRANGE):
        raise InputError(f"workflow: expected strange to be one of {', '.join(STRANGE)}, got {strange!r}")
    draw = np.random.default_rng((seed, 0 if strange is None else 1 + STRANGE.index(strange)))
    kinds = sum(PHASES) * KINDS + BETWEEN + RARE
    drawn = [_case(draw, strange) for _ in range(cases)]
    found = tuple(Case(str(i), events, None, np.zeros((len(events), 0))) for i, events in enumerate(drawn))
    return EventLog("workflow", found, tuple(f"kind-{kind}" for kind in range(kinds)))


def _case(draw: np.random.Generator, strange: str | None) -> Int64[np.ndarray, " T"]:
    phases = [_phase(draw, phase) for phase in range(len(PHASES))]
    first_waiting, first_rare = sum(PHASES) * KINDS, sum(PHASES) * KINDS + BETWEEN
    waits = [draw.integers(first_waiting, first_rare, size=draw.integers(7, 9)) for _ in PHASES[1:]]
    if strange == "swapped":
        phases[1], phases[2] = phases[2], phases[1]
    if strange == "reversed":
        phase = phases[draw.integers(len(phases))]
        first = draw.integers(len(phase) - STRETCH + 1)
        phase[first : first + STRETCH] = phase[first : first + STRETCH][::-1].copy()
    events = np.concatenate([phases[0], *(part for pair in zip(waits, phases[1:], strict=True) for part in pair)])
    rare = draw.random(len(events)) < SEEN
    if strange == "rare":
        rare[draw.integers(len(events))] = True
    return np.where(rare, draw.integers(first_rare, first_rare + RARE, size=len(events)), events)


def _phase(draw: np.random.Generator, phase: int) -> Int64[np.ndarray, " T"]:
    size = draw.integers(STRETCH + 1, 15)  # with the waits, 32 to 58 events a case
    first, states = sum(PHASES[:phase]), PHASES[phase]
    steps = draw.random(size) < 0.75
    steps[1:3] = True  # at least three states, so that a reversed stretch can be told
    state = first + np.append(0, np.cumsum(steps[1:])) % states
    return state * KINDS + draw.choice(KINDS, size=size, p=CHANCES)
