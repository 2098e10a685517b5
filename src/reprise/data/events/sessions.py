"""Logs in plain text: a case a line, its events' kinds between spaces; and their times, in a file of the same form."""
from collections.abc import Sequence

import numpy as np

from reprise.core.errors import InputError
from reprise.data.corpora.kinds import HEAD, binary_kind
from reprise.data.events.log import Case, EventLog
from reprise.data.events.rows import numbered

__all__ = ["log_of_lines", "looks_like_sessions"]

DELIMITERS = ",;\t|{"
LOOKED_AT = 50  # lines


def looks_like_sessions(content: bytes) -> bool:
    """Whether the first lines are kinds between spaces: nothing in them that parts the columns of a table."""
    lines = content[:HEAD].decode("utf-8", "replace").splitlines()[:LOOKED_AT]
    return binary_kind(content[:HEAD]) is None and any(line.strip() for line in lines) and not any(
        delimiter in line for line in lines for delimiter in DELIMITERS)


def log_of_lines(
    name: str, source: str, content: bytes, times: tuple[str, bytes] | None = None
) -> EventLog:
    """source, and the first of times: the names of the files, for messages.

    Raises InputError, with file, line and which number in it, for what is no text, holds no event, or where times do
    not fit the events, are no numbers or fall.
    """
    lines = _lines(source, content)
    clock = None if times is None else _lines(*times)
    if clock is not None and len(clock) != len(lines):
        raise InputError(f"{times[0]} has {len(clock):,} lines where {source} has {len(lines):,}; each case is a line "
                         "in both")
    kept = [place for place, line in enumerate(lines) if line]
    if not kept:
        raise InputError(f"{source}: expected a case a line, its events between spaces, got no event; check the file")
    numbers, vocabulary = numbered(np.array([kind for place in kept for kind in lines[place]], dtype=object))
    starts = np.cumsum([0] + [len(lines[place]) for place in kept])
    cases = []
    for first, end, place in zip(starts, starts[1:], kept, strict=False):
        mine = None if clock is None else _times(times[0], place + 1, clock[place], int(end - first), source)
        cases.append(Case(str(place + 1), numbers[first:end], None if mine is None else mine - mine[0],
                          np.zeros((end - first, 0)), None if mine is None else float(mine[0])))
    empty = len(lines) - len(kept)
    notes = ("a case a line", *([f"{empty:,} empty lines left out"] if empty else []),
             *([] if clock is None else [f"times from {times[0]}"]))
    return EventLog(name, tuple(cases), vocabulary, notes=notes)


def _lines(source: str, content: bytes) -> list[list[str]]:
    if (kind := binary_kind(content[:HEAD])) is not None:
        raise InputError(f"{source} is {kind}, not lines of events; give a text file")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise InputError(f"{source}, line {line}: not UTF-8 (byte {content[error.start]:#04x}); "
                         "save it as UTF-8") from error
    return [line.split() for line in text.splitlines()]


def _times(source: str, line: int, said: Sequence[str], events: int, of: str) -> np.ndarray:
    if len(said) != events:
        raise InputError(f"{source}, line {line}: expected {events:,} times, one for each event in {of}, got "
                         f"{len(said):,}; the files do not belong together, or one is cut short")
    times = np.zeros(events)
    for place, text in enumerate(said):
        try:
            times[place] = float(text)
        except ValueError as error:
            raise InputError(f"{source}, line {line}, entry {place + 1}: expected a number, got {text[:40]!r}; "
                             "write each time as a number") from error
    wrong = np.flatnonzero(~np.isfinite(times) | (np.diff(times, prepend=times[0]) < 0))
    if len(wrong):
        raise InputError(f"{source}, line {line}, entry {wrong[0] + 1}: expected times that do not fall, got "
                         f"{said[wrong[0]]}; put the events of the line in order")
    return times
