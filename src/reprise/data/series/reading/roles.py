"""Which column of a table plays which part: time, id, values; where nobody says it, by kind, name and what is in it."""
import re
from dataclasses import dataclass

import numpy as np

from reprise.core.errors import InputError, suggest
from reprise.data.series.reading.choices import Choices
from reprise.data.series.reading.times import first_unread, join_parts, read_numbers
from reprise.data.tables.table import Column, Table

__all__ = ["Roles", "codes", "find_roles"]

TIMES = ("ds", "timestamp", "datetime", "date_time", "date", "time", "ts", "t", "year", "period", "epoch", "step",
         "time_idx", "index", "no")
SURELY = 5  # of these names are of times even where they are fractions
IDS = ("unique_id", "series_id", "item_id", "ts_id", "id", "series", "key")
COUNTERS = ("index", "no", "row", "unnamed: 0", "column 1")
VALUES = ("y", "value", "target")
ACTIVITIES = ("activity", "event", "event_type", "eventtype", "event_name", "action", "concept:name", "eventid",
              "eventtemplate")
SEVERAL = 1.5  # rows a stamp, from which on a table without a column called id is thought to hold several series
CASES = ("case", "case_id", "case:concept:name", "user", "user_id", "userid", "session", "session_id", "visitor_id")
ITEMS = ("item", "item_id", "itemid", "product_id", "movie_id", "movieid", "page")
EVENTS = "open it as a log of events (open_events; --as events on the command line)"


@dataclass(frozen=True, eq=False)
class Roles:
    """What was found. times: dates or plain numbers, of each row, or None where rows are only counted."""

    time: str | None
    times: np.ndarray | None
    id: tuple[str, ...]
    target: tuple[str, ...]
    notes: tuple[str, ...]


def find_roles(table: Table, choices: Choices) -> Roles:
    """The parts of columns. Raises InputError, with place and remedy, where the table holds no series."""
    _check_names(table, choices)
    spoken = {*choices.id, *choices.target, *choices.known, *choices.static}
    time, times, used, notes = _find_time(table, choices, spoken)
    chosen = {*spoken, *used}
    ids, told = (choices.id, ()) if choices.id else _find_ids(table, times, choices, chosen)
    free = [c for name, c in table.columns.items() if name not in {*chosen, *ids}]
    target, left = (choices.target, free) if choices.target else _find_target(table, free)
    _check_numbers(table, target)
    dropped = [column.name for column in left if column.missing < len(table)]  # of empty ones `read_table` speaks
    if dropped:
        told = (*told, f"left out: {', '.join(map(repr, dropped[:5]))}{' ...' if len(dropped) > 5 else ''}")
    return Roles(time, times, ids, target, (*notes, *told))


def codes(table: Table, names: tuple[str, ...]) -> tuple[np.ndarray, tuple[str, ...]]:
    """Of each row the number of its id; and the ids, W2 before W10. Those of several columns are joined by "/".

    Raises InputError for a row without an id.
    """
    import pandas as pd

    labels = None
    for name in names:
        column = table.columns[name]
        if column.missing:
            absent = [i for i, v in enumerate(column.values) if v is None or v != v]
            raise InputError(f"{table.place(absent[0], name)}: no id ({len(absent)} such rows); fill it in, "
                             "or take the row out")
        told = column.kind != "text" and column.texts is not None
        texts = pd.Series(column.texts if told else column.values)
        if texts.dtype != object:
            texts = texts.map("{:g}".format) if texts.dtype.kind == "f" else texts.astype(str)
        labels = texts if labels is None else labels + "/" + texts
    numbers, found = pd.factorize(labels)
    names = [str(name) for name in found]
    order = sorted(range(len(names)), key=lambda i: ([(len(n), n) for n in re.findall(r"\d+|\D+", names[i])], names[i]))
    rank = np.empty(len(names), int)
    rank[order] = np.arange(len(names))
    return rank[numbers], tuple(names[i] for i in order)


def _check_names(table: Table, choices: Choices) -> None:
    for option in ("id", "time", "target", "known", "static"):
        given = getattr(choices, option)
        for name in (given,) if isinstance(given, str) else given or ():
            if name not in table.columns:
                raise InputError(f"{table.source} has no column {name!r}, which {option} names"
                                 f"{suggest(name, table.columns)}")
    if not len(table):
        raise InputError(f"{table.source} has no rows below its header ({', '.join(table.columns)}); "
                         "give a table with values")


def _find_time(
    table: Table, choices: Choices, spoken: set[str]
) -> tuple[str | None, np.ndarray | None, tuple[str, ...], tuple[str, ...]]:
    """The name of the time, the times, the columns they came from, and what to say."""
    if choices.time:
        times, notes = _times_of(table, table.columns[choices.time])
        return choices.time, times, (choices.time,), notes
    free = [column for name, column in table.columns.items() if name not in spoken]
    dated = sorted((c for c in free if c.kind == "time" and c.missing < len(table)), key=_rank)
    if dated:
        others = ", ".join(repr(column.name) for column in dated[1:])
        notes = (f"time is {dated[0].name!r}; {others} left out",) if others else ()
        return dated[0].name, dated[0].values, tuple(c.name for c in dated), notes
    for column in free:
        like = column is free[0] or re.search("date|time|ds|stamp|day|month", column.name.lower())
        if like and column.kind == "text" and (row := first_unread(column)) is not None:
            raise InputError(f"{table.place(row, column.name)}: expected a time, as in the rows around it, got "
                             f"{column.values[row]!r}; mend it, or say how times are written by time_format")
    if (joined := join_parts(table)) is not None and not spoken & set(joined[0]):
        named, times = joined
        if np.isnat(times).any():
            row = int(np.argmax(np.isnat(times)))
            raise InputError(f"{table.place(row, named[-1])}: {', '.join(named)} make no date together; mend the row")
        numbering = tuple(c.name for c in free if c.name.lower() in COUNTERS and _counts(c))
        return named[0], times, (*named, *numbering), (f"time joined from {', '.join(named)}",)
    return _find_counted(table, free)


def _find_counted(
    table: Table, free: list[Column]
) -> tuple[str | None, np.ndarray | None, tuple[str, ...], tuple[str, ...]]:
    """A column of numbers that is a time: it is named like one, or counts on evenly, and leaves others to forecast."""
    numbers = sorted((column for column in free if column.kind == "number"), key=_rank)
    if len(numbers) > 1:
        for column in numbers:
            whole = _rank(column) < SURELY or not np.any(column.values % 1)
            named = _rank(column) < len(TIMES) and not column.missing and len(np.unique(column.values)) > 1
            if (named and whole) or (_counts(column) and column.name.lower() not in (*VALUES, *IDS)):
                times, notes = _times_of(table, column)
                return column.name, times, (column.name,), notes or (f"time is {column.name!r}",)
    return None, None, (), ("no column of times: rows are numbered",)


def _times_of(table: Table, column: Column) -> tuple[np.ndarray, tuple[str, ...]]:
    if column.kind == "text":
        row = first_unread(column)
        row = next(i for i, v in enumerate(column.values) if v is not None) if row is None else row
        raise InputError(f"{table.place(row, column.name)}: expected a time, got {column.values[row]!r}; mend it, "
                         "say how times are written by time_format, or name another column as time")
    if column.kind == "time":
        return column.values, ()
    times, note = read_numbers(column.name, column.values)
    return times, (note,) if note else ()


def _rank(column: Column) -> int:
    return TIMES.index(column.name.lower()) if column.name.lower() in TIMES else len(TIMES)


def _counts(column: Column) -> bool:
    """Whether it only numbers the rows: from row to row one and the same difference above zero."""
    if column.kind != "number" or len(column.values) < 3:
        return False
    steps = np.diff(column.values)
    return bool(steps[0] > 0 and np.all(steps == steps[0]))


def _find_ids(
    table: Table, times: np.ndarray | None, choices: Choices, chosen: set[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """By name; else, where stamps repeat, the one column of text (or all together) that tells their rows apart."""
    free = {name: column for name, column in table.columns.items()
            if name not in chosen and column.missing < len(table)}
    named = [name for wanted in IDS for name in free if name.lower() == wanted and not _numbers_rows(free[name])]
    if named:
        return (named[0],), ()
    texts = [name for name, column in free.items() if column.kind == "text" and not column.missing]
    if times is None or any(name.lower() in ACTIVITIES for name in texts):
        return (), ()
    _, moments, counts = np.unique(times, return_inverse=True, return_counts=True)
    if len(table) < SEVERAL * len(counts):
        return (), ()
    numbers = [name for name, column in free.items() if _few(column, 2 * int(counts.max()))]
    for candidate in (*((name,) for name in texts), *((tuple(texts),) if len(texts) > 1 else ()),
                      *((name,) for name in numbers)):
        numbers, _ = codes(table, candidate)
        if len(np.unique(numbers * len(table) + moments)) >= 0.99 * len(table):
            return candidate, (f"ids are in {', '.join(map(repr, candidate))}",)
    return (), ()


def _numbers_rows(column: Column) -> bool:
    """Whether no value of it comes twice, so that it tells rows apart, not series."""
    values = [value for value in column.values.tolist() if value is not None]
    return len(values) > 1 and len(set(values)) == len(values)


def _few(column: Column, most: int) -> bool:
    """Whether it has whole numbers, of at most so many kinds."""
    if column.kind != "number" or column.missing or column.name.lower() in VALUES:
        return False
    return not np.any(column.values % 1) and len(np.unique(column.values)) <= most


def _find_target(table: Table, free: list[Column]) -> tuple[tuple[str, ...], list[Column]]:
    """By name (y, value, target); else every column of numbers. What is left over comes second."""
    names = {name.lower() for name in table.columns}
    kinds = {*ACTIVITIES, *(ITEMS if names & set(CASES) else ())}
    activity = next((c for c in table.columns.values() if c.name.lower() in kinds and (
        c.kind == "text" or c.name.lower() in ITEMS)), None)
    if activity is not None:
        row = next((i for i, v in enumerate(activity.values) if v is not None), 0)
        kind = activity.values[row] if activity.kind == "text" else f"{activity.values[row]:g}"
        raise InputError(f"{table.place(row, activity.name)}: {kind!r} is a kind of event, so "
                         f"{table.source} looks like a log of events, no series; {EVENTS}, or name the numbers to "
                         "forecast by target")
    named = [column for wanted in VALUES for column in free
             if column.name.lower() == wanted and column.missing < len(table)]
    if named:
        return (named[0].name,), [column for column in free if column is not named[0]]
    indices = [c for c in free if len(free) > 1 and ((c.name.lower() in COUNTERS and _counts(c)) or (
        c.name.lower() in IDS and _numbers_rows(c)))]
    numbers = [c for c in free if c.kind == "number" and c not in indices]
    if numbers:
        return tuple(c.name for c in numbers), [c for c in free if c not in numbers]
    texts = [column for column in free if column.kind == "text" and column.missing < len(table)]
    if not texts:
        raise InputError(f"{table.source}: expected columns of numbers beside the time, got "
                         f"{', '.join(map(repr, table.columns))} with nothing in them; give a table with values")
    row = next(i for i, value in enumerate(texts[0].values) if value is not None)
    found = str(texts[0].values[row])
    raise InputError(f"{table.place(row, texts[0].name)}: expected a number, got "
                     f"{found[:40] + ' ...' if len(found) > 40 else found!r}, and no other column has numbers to "
                     f"forecast; give a table of a time and values, or an id, a time and a value; if it is a log of "
                     f"events, {EVENTS}")


def _check_numbers(table: Table, target: tuple[str, ...]) -> None:
    for name in target:
        column = table.columns[name]
        if column.kind == "number":
            continue
        for row, value in enumerate(column.values):
            if value is not None and not _is_number(value):
                raise InputError(f"{table.place(row, name)}: expected a number, got {str(value)[:40]!r}; mend it, "
                                 "leave it empty where it is missing, or name another column as target")


def _is_number(value: object) -> bool:
    try:
        float(str(value))
    except ValueError:
        return False
    return True
