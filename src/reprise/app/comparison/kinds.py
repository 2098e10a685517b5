"""Which kind of data a comparison is about, and the contest on them, from what a user gave."""
import hashlib
import inspect
import re
import sys
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from types import MappingProxyType
from typing import Any

from reprise.app.comparison.contest import Contest
from reprise.app.comparison.events import EventLogs
from reprise.app.comparison.series import Series
from reprise.app.comparison.text import Text
from reprise.core.errors import InputError, suggest
from reprise.core.files import atomic_write
from reprise.data import list_corpora
from reprise.data.cache import cache_folder
from reprise.data.events.columns import find_roles
from reprise.data.events.named import list_events
from reprise.data.series.known.sets import is_known, list_series
from reprise.data.tables.read import read_table

__all__ = ["KINDS", "contest_of", "kind_of"]

KINDS: dict[str, type[Contest]] = {"text": Text, "series": Series, "events": EventLogs}
TABLES = {".csv", ".tsv", ".tab", ".parquet", ".jsonl", ".ndjson"}
MAYBE_TEXT = {".jsonl", ".ndjson"}  # which hold corpora, too
WRITTEN = {*inspect.signature(read_table).parameters} - {"source", "columns"}  # options: how a table is written
GIVEN, INPUT = "-", "input"  # standard input, and the folder of the cache that keeps it


def contest_of(data: tuple[str, ...], kind: str | None, options: Mapping[str, Any]) -> Contest:
    """The contest on these data, of the kind given or else found, with these options.

    What comes by standard input is kept in the cache, where every process finds it.
    Raises InputError for a kind there is not, and for an option that is another kind's.
    """
    if kind is not None and kind not in KINDS:
        raise InputError(f"--as: expected {' or '.join(KINDS)}, got {kind!r}")
    data = (_kept(sys.stdin.buffer.read()),) if data == (GIVEN,) else data
    kind = kind or _told_by(options, kind_of(data, options))
    taken = {name: {field.name for field in fields(made)} | {*made.reads} for name, made in KINDS.items()}
    for name in options:
        if name not in taken[kind]:
            others = [other for other in KINDS if name in taken[other]]
            raise InputError(f"--{name.replace('_', '-')}: is for {' or '.join(others)}, and {' '.join(data)} is read "
                             f"as {kind}; leave it out, or say --as {others[0]}")
    made = KINDS[kind]
    reading = {name: value for name, value in options.items() if name in made.reads}
    rest = {name: value for name, value in options.items() if name not in reading}
    return made(data=data, reading=tuple(sorted(reading.items())), **rest)


def kind_of(data: tuple[str, ...], options: Mapping[str, Any] = MappingProxyType({})) -> str:
    """"text", "series" or "events": by the name of a known set, or by what a table holds; all else is text.

    options: among them how a table is written.
    Raises InputError for a table that cannot be read, and for a name that nothing has.
    """
    if len(data) != 1 or data[0] in list_corpora():
        return "text"
    name, path = data[0], Path(data[0]).expanduser()
    if name in list_events():
        return "events"
    if is_known(name) and not path.exists():
        return "series"
    if re.fullmatch(r"[\w-]+", name) and not path.exists():
        known = [*list_corpora(), *list_series(), *list_events()]
        raise InputError(f"no file, folder or known data set is called {name!r}{suggest(name, known)}; known are "
                         f"{', '.join(known)}")
    endings = {suffix.lower() for suffix in path.suffixes}
    if not path.is_file() or not (endings & TABLES or path.parent == cache_folder(INPUT)):
        return "text"
    try:
        table = read_table(name, **{key: options[key] for key in WRITTEN if key in options})
    except InputError:
        if endings & MAYBE_TEXT:
            return "text"
        raise
    try:
        roles = find_roles(table, None, None, None, ())
    except InputError:
        return "series"
    numbers = {name for name, column in table.columns.items() if column.kind == "number"}
    nothing_to_forecast = numbers <= {roles.case, roles.time, roles.activity}
    named = table.columns[roles.activity].kind == "text"
    return "events" if roles.case is not None and (named or nothing_to_forecast) else "series"


def _told_by(options: Mapping[str, Any], found: str) -> str:
    """The kind that was found, unless columns were named that only another kind of table has."""
    tables = {name: made.reads for name, made in KINDS.items() if made.reads}
    columns = {name for reads in tables.values() for name in reads} & options.keys()
    fitting = [name for name, reads in tables.items() if columns <= {*reads}]
    return found if found not in tables or found in fitting or not fitting else fitting[0]


def _kept(content: bytes) -> str:
    """Where what was given is kept, by its content."""
    path = cache_folder(INPUT) / f"stdin-{hashlib.sha256(content).hexdigest()[:12]}"
    if not path.exists():
        atomic_write(path, content)
    return str(path)
