"""The points of each series: its rows laid on the clock, holes filled as was chosen and marked, ends cut."""
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float64, Int64

from reprise.core.errors import InputError
from reprise.data.series.clock import MONTHS, month_day, stamps_at, starts_of
from reprise.data.series.panel import Series, Step
from reprise.data.series.reading.rows import Rows, stamp

__all__ = ["Laid", "Tallies", "lay", "to_series"]


@dataclass
class Tally:
    """How often something was found, in how many series, and where first."""

    count: int = 0
    series: int = 0
    first: str = ""

    def add(self, count: int, first: str) -> None:
        """Found so often in one more series."""
        self.first = self.first or first
        self.count += count
        self.series += 1


@dataclass
class Tallies:
    """What is found while points are made; and the names of series that are empty or constant."""

    gaps: Tally = field(default_factory=Tally)
    skipped: Tally = field(default_factory=Tally)
    missing: Tally = field(default_factory=Tally)
    ends: Tally = field(default_factory=Tally)
    dropped: Tally = field(default_factory=Tally)
    known: Tally = field(default_factory=Tally)
    empty: list[str] = field(default_factory=list)
    constant: list[str] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class Laid:
    """One group on its clock. rows: of each step, the row it comes from, -1 for none; skipped: by daylight saving."""

    group: int
    times: np.ndarray
    rows: Int64[np.ndarray, " T"]
    skipped: Bool[np.ndarray, " T"]


def lay(
    rows: Rows, step: Step | None, number: Int64[np.ndarray, " R"], skips: Bool[np.ndarray, " R"]
) -> Iterator[Laid]:
    """Each group with all its steps, or its rows as they are where `step` is None.

    number: of each row, its place on the clock.   skips: rows that come after an hour that clocks skipped.
    """
    starts = starts_of(rows.group)
    days = month_day(rows.times, starts) if step is not None and step.unit in MONTHS else np.zeros(len(starts), int)
    for start, end, day in zip(starts, np.append(starts[1:], len(rows)), days):
        group, T = int(rows.group[start]), int(number[end - 1]) + 1
        if step is None or end - start == T:
            yield Laid(group, rows.times[start:end], np.arange(start, end), np.zeros(end - start, bool))
            continue
        source = np.full(T, -1)
        source[number[start:end]] = np.arange(start, end)
        skipped = np.zeros(T, bool)
        for row in np.flatnonzero(skips[start:end]) + start:
            skipped[number[row - 1] + 1 : number[row]] = True
        yield Laid(group, stamps_at(rows.times[start], np.arange(T), step, int(day)), source, skipped)


def to_series(rows: Rows, laid: Laid, fill: str, regular: bool, found: Tallies) -> Iterator[Series]:
    """The series of one group, in the order of their columns. fill: of holes, where the clock is regular."""
    there = laid.rows >= 0
    values = np.where(there[:, None], rows.values[laid.rows], np.nan)
    known, whole = _covariates(rows, laid, there, found)
    said = False
    for column in range(values.shape[1]):
        name, y = rows.name(laid.group, column), values[:, column]
        seen = ~np.isnan(y)
        if not seen.any():
            found.empty.append(name)
            continue
        first, last = int(np.argmax(seen)), len(seen) - int(np.argmax(seen[::-1]))
        end = last + (int(np.flatnonzero(whole[last:])[-1]) + 1 if whole[last:].any() else 0)
        if (cut := int(there[:first].sum() + there[end:].sum())) > 0:
            found.ends.add(cut, f"{name}, {stamp(laid.times[0 if first else last])}")
        keep = np.arange(first, last)
        if not regular and not seen[keep].all():
            where = stamp(laid.times[first + np.argmin(seen[keep])])
            found.dropped.add(int((~seen[keep]).sum()), f"{name}, {where}")
            keep = np.flatnonzero(seen)
        y, seen = y[keep], seen[keep]
        if not seen.all():
            _refuse(rows, laid, keep[~seen], column, fill)
            _count(laid, name, keep[~seen], found, said)
            y = _filled(y, seen, laid.skipped[keep], fill)
        said = said or not there[keep].all()
        if len(y) > 1 and np.all(y == y[0]):
            found.constant.append(name)
        covariates = known[np.append(keep, np.arange(last, end))]
        yield Series(name, laid.times[keep], y, seen, covariates, rows.static[laid.group])


def _covariates(
    rows: Rows, laid: Laid, there: Bool[np.ndarray, " T"], found: Tallies
) -> tuple[Float64[np.ndarray, "T K"], Bool[np.ndarray, " T"]]:
    """A group's covariates, the last one carried on through holes and the first one back to the beginning; and the
    steps where all of them were given. Raises InputError for one that the whole group lacks.
    """
    known = np.where(there[:, None], rows.known[laid.rows], np.nan)
    absent = np.isnan(known)
    whole = ~absent.any(1) if known.shape[1] else np.zeros(len(known), bool)
    if not absent.any():
        return known, whole
    if absent.all(0).any():
        name = rows.known_names[int(np.argmax(absent.all(0)))]
        raise InputError(f"{rows.source}, column {name!r}: no value in all of series {rows.name(laid.group)!r}; fill "
                         "it in, or leave it out of known")
    end = int(np.flatnonzero(whole)[-1]) + 1 if whole.any() else len(whole)
    bare = ~whole[:end] & there[:end]
    if bare.any():
        found.known.add(int(bare.sum()), f"{rows.name(laid.group)}, {stamp(laid.times[np.argmax(bare)])}")
    return np.stack([_forward(column, ~np.isnan(column)) for column in known.T], 1), whole


def _forward(y: Float64[np.ndarray, " T"], seen: Bool[np.ndarray, " T"]) -> Float64[np.ndarray, " T"]:
    place = np.maximum.accumulate(np.where(seen, np.arange(len(y)), -1))
    return y[np.where(place < 0, np.argmax(seen), place)]


def _filled(
    y: Float64[np.ndarray, " T"], seen: Bool[np.ndarray, " T"], skipped: Bool[np.ndarray, " T"], fill: str
) -> Float64[np.ndarray, " T"]:
    """Without holes; an hour that clocks skip never was, so it is no zero and no fault."""
    if fill == "linear":
        return np.interp(np.arange(len(y)), np.flatnonzero(seen), y[seen])
    forward = _forward(y, seen)
    return np.where(seen | skipped, forward, 0.0) if fill == "zero" else forward


def _refuse(rows: Rows, laid: Laid, holes: Int64[np.ndarray, " H"], column: int, fill: str) -> None:
    holes = holes[~laid.skipped[holes]]
    if fill != "error" or not len(holes):
        return
    hole, name = int(holes[0]), rows.name(laid.group, column)
    row = int(laid.rows[hole])
    before = int(laid.rows[:hole].max())
    where = (f"{rows.place(row, rows.columns[column] or None)}: no value" if row >= 0 else
             f"{rows.place(before, rows.time)}: no row after it for {stamp(laid.times[hole])}")
    raise InputError(f"{where}, and {len(holes) - 1:,} more steps of {name!r} are empty; fill them in, or choose by "
                     "--fill forward, linear or zero")


def _count(laid: Laid, name: str, holes: Int64[np.ndarray, " H"], found: Tallies, said: bool) -> None:
    """Holes into their tallies; steps without a row once for each group."""
    gap, skip = laid.rows[holes] < 0, laid.skipped[holes]
    for tally, mask in ((found.skipped, skip), (found.gaps, gap & ~skip), (found.missing, ~gap)):
        if mask.any() and not (said and tally is not found.missing):
            tally.add(int(mask.sum()), f"{name}, {stamp(laid.times[holes[np.argmax(mask)]])}")
