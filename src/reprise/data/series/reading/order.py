"""Rows in the order of time, one at a time: what is unsorted is sorted, what is said twice is settled, and said."""
from dataclasses import replace

import numpy as np
from jaxtyping import Int64

from reprise.core.errors import InputError
from reprise.data.series.clock import DAY, LENGTHS, MONTHS, infer_step, places, stamps_at, starts_of
from reprise.data.series.panel import Step
from reprise.data.series.reading.choices import Choices
from reprise.data.series.reading.daylight import HOUR, changes, mend_shifts, zone_of
from reprise.data.series.reading.rows import Rows, stamp

__all__ = ["order_rows", "shows_hours"]

DONE = {"mean": "averaged", "sum": "added up", "first": "the first kept", "last": "the last kept"}


def order_rows(rows: Rows, choices: Choices) -> tuple[Rows, Step | None]:
    """Sorted, each stamp once in each group; and the step, given or found. Raises InputError for stamps that repeat
    with other values, unless `choices` says what to do.
    """
    rows = _sorted(rows)
    rows = mend_shifts(_without_copies(rows) if choices.duplicates == "error" else rows)
    step = choices.step
    if step is None:
        step = infer_step(rows.times, rows.group)
    elif bool(step.unit) == rows.dated:
        rows = _onto(rows, step)
    else:
        raise InputError(f"step: {rows.source} has {'dates' if rows.dated else 'plain numbers'} for its times, got "
                         f"{step.count:g}{step.unit}; give {'15min, h, D, M ...' if rows.dated else 'a number'}")
    again = np.flatnonzero(_repeats(rows))
    if len(again) and choices.duplicates == "error" and shows_hours(step):
        rows, again = _average_the_hour(rows, again)
    return (_settle(rows, again, choices.duplicates) if len(again) else rows), step


def _sorted(rows: Rows) -> Rows:
    together = np.argsort(rows.group, kind="stable")
    times, group = rows.times[together], rows.group[together]
    back = (times[1:] < times[:-1]) & (group[1:] == group[:-1])
    if not back.any():
        return rows.take(together)
    order = np.lexsort((rows.times, rows.group))
    first = int(together[1:][back].min())
    what = "1 stamp earlier than the one" if back.sum() == 1 else f"{back.sum():,} stamps earlier than those"
    return rows.take(order, f"{what} before: rows sorted (first: {rows.place(first, rows.time)})")


def _repeats(rows: Rows) -> np.ndarray:
    """Of sorted rows, which are of the stamp of the row before."""
    return np.concatenate([[False], (rows.times[1:] == rows.times[:-1]) & (rows.group[1:] == rows.group[:-1])])


def _run(rows: Rows) -> Int64[np.ndarray, " R"]:
    """The number of the stamp that each row is of."""
    return np.cumsum(~_repeats(rows)) - 1


def _without_copies(rows: Rows) -> Rows:
    """Without rows that say again what another row of the same stamp says."""
    import pandas as pd

    again = _repeats(rows)
    if not again.any():
        return rows
    several = np.flatnonzero(again | np.append(again[1:], False))
    said = pd.DataFrame(np.column_stack([_run(rows), rows.values, rows.known])[several])
    copies = several[said.duplicated().to_numpy()]
    if not len(copies):
        return rows
    keep = np.ones(len(rows), bool)
    keep[copies] = False
    what = "1 row that repeats another" if len(copies) == 1 else f"{len(copies):,} rows that repeat others"
    left = rows.take(np.flatnonzero(keep), f"{what} dropped (first: {rows.place(int(copies.min()), rows.time)})")
    return replace(left, repeated=rows.repeated + len(copies))


def _onto(rows: Rows, step: Step) -> Rows:
    """Stamps put on the clock of a step that the user gave: to the nearest since midnight, or to the beginning of their
    month, quarter or year; stamps that are on it already stay.
    """
    number, exact = places(rows.times, rows.group, step)
    if exact.all():
        return rows
    length = LENGTHS.get(step.unit, 0) * step.count
    starts = starts_of(rows.group)
    if step.unit in MONTHS:
        months = rows.times.astype("datetime64[M]").astype(np.int64)
        times = (months - months % MONTHS[step.unit]).astype("datetime64[M]").astype("datetime64[ns]")
    elif length and length <= DAY and DAY % length == 0:
        times = (np.rint(rows.times.astype(np.int64) / length).astype(np.int64) * length).astype("datetime64[ns]")
    else:
        parts = np.split(number, starts[1:])
        times = np.concatenate([stamps_at(rows.times[i], part, step) for i, part in zip(starts, parts)])
    row = int(np.argmax(times != rows.times))
    return rows.at(times, f"{(times != rows.times).sum():,} stamps moved to the clock of the step that was asked for "
                          f"(first: {stamp(rows.times[row])} to {stamp(times[row])})")


def shows_hours(step: Step | None) -> bool:
    """Whether the change of daylight saving, of one hour, is a whole number of steps."""
    length = LENGTHS.get(step.unit, 0) * step.count if step else 0
    return 0 < length <= HOUR and HOUR % length == 0


def _average_the_hour(rows: Rows, again: np.ndarray) -> tuple[Rows, np.ndarray]:
    """One row for each stamp of the hour that clocks show twice in autumn; and the repeats that are left."""
    run = _run(rows)
    twice = again[np.bincount(run)[run[again]] == 2]
    stamps = np.unique(rows.times)
    if not len(twice) or (zone := zone_of(stamps, stamps[:0], rows.times[twice])) is None:
        return rows, again
    of_autumn = twice[changes(rows.times[twice], zone)[1]]
    values, known = rows.values.copy(), rows.known.copy()
    for matrix in (values, known):
        matrix[of_autumn - 1] = _mean(matrix[of_autumn - 1], matrix[of_autumn])
    keep = np.ones(len(rows), bool)
    keep[of_autumn] = False
    what = "1 stamp" if len(of_autumn) == 1 else f"{len(of_autumn):,} stamps"
    note = (f"{what} that clocks show twice when daylight saving ends (as in {zone}), averaged "
            f"(first: {stamp(rows.times[of_autumn[0]])})")
    mended = replace(rows, values=values, known=known, repeated=rows.repeated + len(of_autumn))
    mended = mended.take(np.flatnonzero(keep), note)
    return mended, np.flatnonzero(_repeats(mended))


def _mean(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.where(np.isnan(one), other, np.where(np.isnan(other), one, (one + other) / 2))


def _settle(rows: Rows, again: np.ndarray, rule: str) -> Rows:
    """One row for each stamp, by the rule. Raises InputError where the rule is "error"."""
    import pandas as pd

    row, before = int(again[0]), int(again[0]) - 1
    series = rows.groups[rows.group[row]]
    if rule == "error":
        of = f" of {series!r}" if series else ""
        one, two = sorted((int(rows.lines[row]), int(rows.lines[before])))
        also = f"; {len(again) - 1:,} more such rows" if len(again) > 1 else ""
        raise InputError(
            f"{rows.source}, {rows.counted}s {one} and {two}, column {rows.time!r}: {stamp(rows.times[row])}{of} is "
            f"there twice with other values{also}; take one out, or choose by --duplicates mean, first, last or sum"
            f"{'' if series else '; if the file holds several series, name their column by --id'}")
    run = _run(rows)
    first = np.flatnonzero(~_repeats(rows))
    by_line = np.lexsort((rows.lines, run))  # "first" and "last" are meant in the order of the file
    kept = {"first": by_line[first], "last": by_line[np.append(first[1:], len(rows)) - 1]}.get(rule, first)
    left = rows.take(kept, f"{len(again):,} {'row' if len(again) == 1 else 'rows'} of a stamp that is there already "
                     f"(first: {stamp(rows.times[row])}, {rows.place(row, rows.time)}): {DONE[rule]}")
    if rule in ("mean", "sum"):
        by_run = pd.DataFrame(rows.values).groupby(run)
        values = by_run.mean() if rule == "mean" else by_run.sum(min_count=1)
        left = replace(left, values=values.to_numpy())
    return replace(left, repeated=rows.repeated + len(again))
