"""The layouts that tables of series come in, brought into one: long, wide, numbered, and a series a line as in M4."""
import re

import numpy as np
from jaxtyping import Float64

from reprise.core.errors import InputError
from reprise.data.series.reading.choices import Choices
from reprise.data.series.reading.roles import Roles, codes, find_roles
from reprise.data.series.reading.rows import Rows, stamp
from reprise.data.series.reading.times import dates_of, instant, read_numbers
from reprise.data.tables.table import Column, Table

__all__ = ["between", "to_rows"]

KINDS = 50  # of a column of text, at most, as a covariate: a column of its own for each


def to_rows(table: Table, choices: Choices) -> Rows:
    """The rows of a table as they stand in it; not sorted, nothing mended. Raises InputError where it has no series."""
    if not (choices.time or choices.target or choices.known) and (across := _across(table, choices)) is not None:
        return across
    roles = find_roles(table, choices)
    group, groups = codes(table, roles.id) if roles.id else (np.zeros(len(table), int), ("",))
    times = _counted(group) if roles.times is None else roles.times
    known_names, known = _covariates(table, choices.known, "known")
    static_names, static = _covariates(table, choices.static, "static")
    rows = Rows(table.source, roles.time, groups, roles.target, group, times, _matrix(table, roles), known,
                _constant(table, choices.static, static, group, groups), table.lines, known_names, static_names,
                (*table.notes, *roles.notes), counted=table.counted)
    return between(_timed(rows), choices)


def _timed(rows: Rows) -> Rows:
    """Without rows that say nothing at all. Raises InputError for values without a time."""
    absent = np.isnat(rows.times) if rows.dated else np.isnan(rows.times)
    if not absent.any():
        return rows
    silent = absent & np.isnan(rows.values).all(1)
    if not np.array_equal(silent, absent):
        row = int(np.argmax(absent & ~silent))
        raise InputError(f"{rows.place(row, rows.time)}: a value without a time; fill it in, or take the row out")
    return rows.take(np.flatnonzero(~silent), f"{silent.sum():,} rows without time and value left out")


def between(rows: Rows, choices: Choices) -> Rows:
    """The rows from start to end. Raises InputError where none is left."""
    keep = np.ones(len(rows), bool)
    if choices.start is not None:
        keep &= rows.times >= instant("start", choices.start, rows.times)
    if choices.end is not None:
        keep &= rows.times <= instant("end", choices.end, rows.times)
    if not keep.any():
        raise InputError(f"{rows.source}: no row is left between start={choices.start} and end={choices.end}; "
                         f"its times go from {stamp(rows.times.min())} to {stamp(rows.times.max())}")
    if keep.all():
        return rows
    return rows.take(np.flatnonzero(keep), f"{(~keep).sum():,} rows outside start and end left out")


def _counted(group: np.ndarray) -> np.ndarray:
    """1, 2, 3, ... within each group, in the order of the file."""
    order = np.argsort(group, kind="stable")
    first = np.searchsorted(group[order], group[order])
    count = np.empty(len(group))
    count[order] = np.arange(len(group)) - first + 1
    return count


def _matrix(table: Table, roles: Roles) -> Float64[np.ndarray, "R V"]:
    columns = [table.columns[name] for name in roles.target]
    return np.stack([c.values if c.kind == "number" else np.array([np.nan if v is None else float(v) for v in c.values])
                     for c in columns], 1).astype(float)


def _covariates(
    table: Table, names: tuple[str, ...], option: str
) -> tuple[tuple[str, ...], Float64[np.ndarray, "R K"]]:
    """Columns of numbers as they are; a column of text as one of 0 and 1 for each kind, "holiday=Easter"."""
    found, columns = [], []
    for name in names:
        column = table.columns[name]
        if column.missing == len(table):
            raise InputError(f"{table.source}, column {name!r}: nothing in it; leave it out of {option}")
        if column.kind == "number":
            found.append(name)
            columns.append(column.values.astype(float))
            continue
        kinds = sorted({str(value) for value in column.values if value is not None}) if column.kind == "text" else []
        if not 0 < len(kinds) <= KINDS:
            raise InputError(f"{table.source}, column {name!r}: expected numbers, or text of at most {KINDS} kinds, "
                             f"got {len(kinds) or 'times'}; leave it out of {option}")
        found += [f"{name}={kind}" for kind in kinds]
        columns += [np.array([str(value) == kind for value in column.values], float) for kind in kinds]
    return tuple(found), np.stack(columns, 1) if columns else np.zeros((len(table), 0))


def _constant(
    table: Table, names: tuple[str, ...], static: np.ndarray, group: np.ndarray, groups: tuple[str, ...]
) -> Float64[np.ndarray, "N S"]:
    """The one value of each group. Raises InputError where a group has several."""
    first = np.full(len(groups), -1)
    first[group[::-1]] = np.arange(len(group))[::-1]
    differs = (static != static[first[group]]) & ~np.isnan(static)
    if differs.any():
        row = int(np.argmax(differs.any(1)))
        raise InputError(f"{table.source}, {table.counted} {table.lines[row]}: a static covariate "
                         f"({', '.join(names)}) is not what it was in {table.counted} "
                         f"{table.lines[first[group[row]]]} of the same series; name it in known")
    chosen = static[first]
    if np.isnan(chosen).any():
        row = first[int(np.argmax(np.isnan(chosen).any(1)))]
        raise InputError(f"{table.source}, {table.counted} {table.lines[row]}: a static covariate "
                         f"({', '.join(names)}) is missing; fill it in, or leave it out of static")
    return chosen


def _across(table: Table, choices: Choices) -> Rows | None:
    """A series a line: an id that never repeats, then columns that are numbered on, or named by dates; else None."""
    columns = list(table.columns.values())
    ids = [c for c in columns if c.name in choices.id] or columns[:1]
    rest = [c for c in columns if c not in ids and c.name not in choices.static and c.missing < len(table)]
    if len(ids) != 1 or (ids[0].kind != "text" and not choices.id) or len(rest) < 3:
        return None
    if any(c.kind != "number" for c in rest) or len(set(ids[0].values)) < len(table) or not len(table):
        return None
    times = _headed(rest)
    if times is None:
        return None
    group, groups = codes(table, (ids[0].name,))
    matrix = np.stack([c.values for c in rest], 1)
    width = np.where(np.isnan(matrix), 0, np.arange(1, len(rest) + 1)).max(1)  # series end where their line does
    row, place = np.nonzero(np.arange(len(rest)) < width[:, None])
    static_names, static = _covariates(table, choices.static, "static")
    rows = Rows(table.source, None, groups, ("",), group[row], times[place], matrix[row, place][:, None],
                np.zeros((len(row), 0)), _constant(table, choices.static, static, group, groups), table.lines[row],
                (), static_names, (*table.notes, "each line is a series"), across=True, counted=table.counted)
    return between(rows, choices)


def _headed(columns: list[Column]) -> np.ndarray | None:
    """The times that names of columns stand for: dates or years, or 1, 2, ... where they only count (V2, V3, ...)."""
    names = [column.name for column in columns]
    digits = [re.fullmatch(r"(\D*)(\d+)", name) for name in names]
    if all(digits) and len({match[1] for match in digits}) == 1:
        numbers = np.array([float(match[2]) for match in digits])
        if not digits[0][1]:
            return read_numbers("date", numbers)[0]
        return np.arange(1.0, len(names) + 1) if np.all(np.diff(numbers) == 1) else None
    dates = dates_of(names)
    return None if np.isnat(dates).any() else dates
