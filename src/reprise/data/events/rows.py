"""A log from the rows of a table, in whatever order they come."""
from collections import Counter

import numpy as np

from reprise.core.errors import InputError
from reprise.data.events.columns import Roles, labels
from reprise.data.events.log import Case, EventLog
from reprise.data.tables.table import Table

__all__ = ["log_of_rows", "numbered"]

NANOSECONDS = 1e9


def log_of_rows(name: str, table: Table, roles: Roles) -> EventLog:
    """Rows are put in order by time within their case, those of equal time as they stand in the file.

    Rows without a case, a time or an activity are left out, and that is said.
    Raises InputError where nothing is left, or an attribute is no column of numbers.
    """
    kinds, kept = labels(table, roles.activity)
    notes = [*table.notes, *_left_out(table, roles.activity, ~kept)]
    who = np.full(len(table), name, dtype=object)
    if roles.case is not None:
        who, there = labels(table, roles.case)
        notes += _left_out(table, roles.case, kept & ~there)
        kept &= there
    times = None
    if roles.time is not None:
        times, there = _seconds(table, roles.time)
        notes += _left_out(table, roles.time, kept & ~there)
        kept &= there
    if not kept.any():
        raise InputError(f"{table.source}: no row says {' and '.join(filter(None, roles[:3]))}; expected at least one "
                         "event; say which columns are meant by case, time and activity")
    attributes, more = _attributes(table, roles.attributes)
    rows = np.flatnonzero(kept)
    cases, vocabulary, unsorted = _cases(who[rows], kinds[rows], None if times is None else times[rows],
                                         attributes[rows])
    if unsorted:
        notes.append(f"{unsorted:,} times a row came after a later one of its case: put in order")
    found = {"case": roles.case, "time": roles.time, "activity": roles.activity}
    columns = ", ".join(f"{role} {column!r}" for role, column in found.items() if column is not None)
    return EventLog(name, cases, vocabulary, roles.attributes, (f"columns: {columns}", *notes, *more),
                    unit="s" if roles.time is not None and table.columns[roles.time].kind == "time" else "")


def numbered(kinds: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """Kinds by number, the most frequent first, those as frequent as they come."""
    counts = Counter(kinds.tolist())
    vocabulary = tuple(kind for kind, _ in counts.most_common())
    place = {kind: number for number, kind in enumerate(vocabulary)}
    return np.array([place[kind] for kind in kinds.tolist()], np.int64), vocabulary


def _cases(
    who: np.ndarray, kinds: np.ndarray, times: np.ndarray | None, attributes: np.ndarray,
) -> tuple[tuple[Case, ...], tuple[str, ...], int]:
    """The cases in the order of their first events, the vocabulary, and how many rows were out of order."""
    numbers, vocabulary = numbered(kinds)
    first_seen = {name: place for place, name in enumerate(dict.fromkeys(who.tolist()))}
    case = np.array([first_seen[name] for name in who.tolist()], np.int64)
    order = np.argsort(case, kind="stable") if times is None else np.lexsort((times, case))  # both keep ties
    in_file = np.argsort(case, kind="stable")
    same = np.diff(case[in_file]) == 0
    unsorted = 0 if times is None else int((same & (np.diff(times[in_file]) < 0)).sum())
    names = list(first_seen)
    found = []
    for rows in np.split(order, np.flatnonzero(np.diff(case[order])) + 1):
        mine = None if times is None else times[rows]
        found.append(Case(names[case[rows[0]]], numbers[rows], None if mine is None else mine - mine[0],
                          attributes[rows], None if mine is None else float(mine[0])))
    if times is not None:
        found.sort(key=lambda case: case.start)
    return tuple(found), vocabulary, unsorted


def _seconds(table: Table, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Of each row its time since the earliest, and whether it has one."""
    column = table.columns[name]
    if column.kind == "text":
        row = next((row for row, value in enumerate(column.values) if value is not None), 0)
        raise InputError(f"{table.place(row, name)}: expected a time or a number, got {column.values[row]!r}; "
                         "write times as 2024-05-31 13:45:00, or say time=False to keep the order of the file")
    if column.kind == "time":
        there = ~np.isnat(column.values)
        ticks = column.values.astype("datetime64[ns]").astype(np.int64)
        since = ticks - ticks[there].min(initial=np.iinfo(np.int64).max)  # before it is rounded to a float
        return np.where(there, since, 0) / NANOSECONDS, there
    there = np.isfinite(column.values)
    return np.where(there, column.values - column.values[there].min(initial=np.inf), 0.0), there


def _attributes(table: Table, names: tuple[str, ...]) -> tuple[np.ndarray, list[str]]:
    values = np.zeros((len(table), len(names)))
    notes = []
    for place, name in enumerate(names):
        column = table.columns[name]
        if column.kind != "number":
            raise InputError(f"{table.place(0, name)}: expected an attribute of numbers, got {column.kind}s; "
                             "leave it out, or write it as numbers")
        values[:, place] = np.where(np.isfinite(column.values), column.values, np.nan)
        if lost := int(np.isnan(values[:, place]).sum()):
            notes.append(f"attribute {name!r} is missing in {lost:,} rows")
    return values, notes


def _left_out(table: Table, name: str, lost: np.ndarray) -> list[str]:
    rows = np.flatnonzero(lost)
    if not len(rows):
        return []
    return [f"{len(rows):,} rows left out that say nothing in column {name!r} (the first is line "
            f"{table.lines[rows[0]]:,})"]
