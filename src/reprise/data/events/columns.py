"""Which column of a table says the case, the time and the activity: as told, or by their names."""
import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from reprise.core.errors import InputError, suggest
from reprise.data.tables.table import Column, Table

__all__ = ["Roles", "find_roles", "labels"]

NAMES = {  # lower case, letters and digits alone; what is named first is preferred
    "case": ("caseconceptname", "caseid", "case", "traceid", "trace", "sessionid", "session", "userid", "user",
             "customerid", "customer", "visitorid", "visitor", "clientid", "patientid", "orderid", "blockid",
             "sequenceid", "sequence", "seqid", "uniqueid", "id"),
    "time": ("timetimestamp", "timestamp", "time", "datetime", "eventtime", "date", "completetimestamp",
             "starttimestamp", "starttime", "createdat", "ds", "ts", "t"),
    "activity": ("conceptname", "activity", "activityname", "action", "eventtype", "event", "eventname", "eventid",
                 "itemid", "item", "productid", "product", "task", "page", "kind", "type", "key", "token", "status"),
}
EXACT = 2.0 ** 53  # whole numbers below it are what the file says


class Roles(NamedTuple):
    """Columns by what they say. case: None where the whole table is one case; time: None where there is none."""

    case: str | None
    time: str | None
    activity: str
    attributes: tuple[str, ...]


def find_roles(
    table: Table, case: str | Literal[False] | None, time: str | Literal[False] | None, activity: str | None,
    attributes: Sequence[str],
) -> Roles:
    """What is said holds; the rest is found by name. False: there is none of it in the table.

    Raises InputError for a name that no column has, and where it cannot be told which column is meant.
    """
    said = [name for name in (case, time, activity, *attributes) if name]
    for name in said:
        if name not in table.columns:
            raise InputError(f"{table.source} has no column {name!r}{suggest(name, table.columns)}")
    if len(set(said)) < len(said):
        raise InputError(f"{table.source}: case, time, activity and attributes are to be different columns, got "
                         f"{', '.join(said)}")
    left = [name for name in table.columns if name not in said]
    if time is None:
        time = _by_name(left, "time") or next((name for name in left if table.columns[name].kind == "time"), None)
        left = [name for name in left if name != time]
    if case is None:
        case = _by_name(left, "case")
        left = [name for name in left if name != case]
    if activity is None:
        activity = _by_name(left, "activity") or _only_text(table, left)
        left = [name for name in left if name != activity]
    if activity is None:
        raise InputError(f"{table.source}: expected a column that says what happened (activity, event or item), got "
                         f"{', '.join(table.columns)}; say which, as in activity={next(iter(table.columns))!r}")
    if case is None and (maybe := [name for name in left if _repeats(table.columns[name])]):
        raise InputError(f"{table.source}: no column is called case, user or session; say which it is, as in "
                         f"case={maybe[0]!r}, or case=False (--case none) where all events are of one "
                         "case")
    return Roles(case or None, time or None, activity, tuple(attributes))


def labels(table: Table, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Of each row, what a column of names says, as text, and whether it says anything. Whole numbers are names too.

    Raises InputError for other numbers.
    """
    column = table.columns[name]
    if column.kind == "text":
        values = np.array(["" if value is None else str(value).strip() for value in column.values], dtype=object)
        return values, values != ""
    if column.kind == "time":
        return column.values.astype("datetime64[s]").astype(str).astype(object), ~np.isnat(column.values)
    there = ~np.isnan(column.values)
    broken = there & (column.values != np.round(column.values))
    if broken.any():
        row = int(np.flatnonzero(broken)[0])
        raise InputError(f"{table.place(row, name)}: expected a name or a whole number, got {column.values[row]:g}; "
                         "measurements are attributes, give the column that says what happened or to whom")
    whole = np.where(there & (np.abs(column.values) < EXACT), column.values, 0).astype(np.int64)
    values = whole.astype(str).astype(object)
    large = there & (np.abs(column.values) >= EXACT)
    for row in np.flatnonzero(large):
        values[row] = str(column.texts[row]).strip() if column.texts is not None else f"{column.values[row]:.0f}"
    return values, there


def _by_name(left: Sequence[str], role: str) -> str | None:
    plain: dict[str, str] = {}
    for name in left:
        plain.setdefault(re.sub(r"[^a-z0-9]", "", name.lower()), name)
    return next((plain[known] for known in NAMES[role] if known in plain), None)


def _only_text(table: Table, left: Sequence[str]) -> str | None:
    texts = [name for name in left if table.columns[name].kind == "text"]
    return texts[0] if len(texts) == 1 else None


def _repeats(column: Column) -> bool:
    """Whether a column could say the case: names or whole numbers of which some come twice."""
    if column.kind == "time":
        return False
    there = [value for value in column.values if value is not None and value == value]
    whole = column.kind == "text" or all(value == round(value) for value in there)
    return whole and 0 < len(set(there)) < len(there)
