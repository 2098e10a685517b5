"""`open_events`: a log of events by name, from a table of any form, or from plain lines."""
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from reprise.core.errors import InputError, suggest
from reprise.data.corpora.sources import PACKED, PathLike, Source
from reprise.data.events.columns import find_roles
from reprise.data.events.log import EventLog
from reprise.data.events.named import list_events, open_named
from reprise.data.events.rows import log_of_rows
from reprise.data.events.sessions import log_of_lines, looks_like_sessions
from reprise.data.tables.read import read_table

__all__ = ["list_events", "open_events"]

TABLES = (".csv", ".tsv", ".tab", ".parquet", ".json", ".jsonl", ".ndjson", ".zip")
LAYOUTS = ("table", "lines")
EVENT, TIME = "event", "time"  # how the two files of one log are called: event-1-train.txt and time-1-train.txt


def open_events(
    what: Any, *, case: str | Literal[False] | None = None, time: str | Literal[False] | None = None,
    activity: str | None = None, attributes: str | Sequence[str] = (), layout: Literal["table", "lines"] | None = None,
    times: PathLike | None = None, delimiter: str | None = None, decimal: str | None = None,
    encoding: str | None = None, time_format: str | Mapping[str, str] | None = None,
) -> EventLog:
    """A log from a name of `list_events()`, a file, "-" or a pandas DataFrame.

    A table has a row an event: columns that say the case (or user, session), the time and the activity (or item) are
    known by their names, or said: `case="order"`. case=False: all events are of one case; time=False: the order of the
    file holds. attributes: columns of numbers that tell more of an event; in one string, they have commas between.
    Lines have a case each, its kinds of event between spaces; `times` is the file of the times that go with them, found
    by itself where event-*.txt has a time-*.txt beside it. layout: which of the two, where the file does not show it.
    The rest: how a table is written, as in `read_table`.
    A name comes before a file of the same name (write ./name for the file).

    Raises InputError, with file, line and column, for what cannot be read as either.
    """
    if layout not in (None, *LAYOUTS):
        raise InputError(f"open_events: expected layout to be {' or '.join(LAYOUTS)}, got {layout!r}")
    attributes = attributes.split(",") if isinstance(attributes, str) else attributes
    if isinstance(what, str) and what in list_events():
        if case or time or activity or attributes or times:
            raise InputError(f"{what!r} is a published log, whose columns are known; write ./{what} for a file")
        return open_named(what)
    said = bool(attributes) or any(
        told is not None for told in (case, time, activity, delimiter, decimal, encoding, time_format))
    if isinstance(what, str | os.PathLike) and os.fspath(what) != "-":
        _there(what)
        if layout == "lines" or (layout is None and not said and _is_lines(Path(what))):
            return _from_lines(Path(what).expanduser(), None if times is None else Path(times).expanduser())
    elif layout == "lines":
        raise InputError("open_events: lines of events are read from a file; save them to one first")
    table = read_table(what, delimiter=delimiter, decimal=decimal, encoding=encoding, time_format=time_format)
    return log_of_rows(_name(table.source), table, find_roles(table, case, time, activity, attributes))


def _there(what: PathLike) -> None:
    if not Path(what).expanduser().is_file():
        known = suggest(os.fspath(what), list_events())
        raise InputError(f"{os.fspath(what)[:60]!r} is neither a file here nor a known log of events{known}")


def _is_lines(path: Path) -> bool:
    if any(suffix.lower() in TABLES for suffix in path.suffixes):
        return False
    with Source(path.expanduser()).open() as reader:
        return looks_like_sessions(reader.read(1 << 16))


def _from_lines(path: Path, times: Path | None) -> EventLog:
    beside = path.with_name(path.name.replace(EVENT, TIME, 1))
    if times is None and path.name.startswith(EVENT) and beside.is_file():
        times = beside
    return log_of_lines(_name(path.name), path.name, _content(path),
                        None if times is None else (times.name, _content(times)))


def _content(path: Path) -> bytes:
    with Source(path).open() as reader:
        return reader.read(-1)


def _name(source: str) -> str:
    """Of a file, without its endings."""
    path = Path(source)
    packed = path.suffix.lower() in {*PACKED, ".zip"}
    return Path(path.stem).stem if packed else path.stem or source
