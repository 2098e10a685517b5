"""From rows to a panel: one clock, every series on it, and a clause for everything that was found and done."""
import numpy as np

from reprise.core.errors import InputError
from reprise.data.series.clock import LENGTHS, infer_step, places, starts_of, usual_step
from reprise.data.series.panel import Panel, Series, Step
from reprise.data.series.reading.choices import Choices
from reprise.data.series.reading.daylight import HOUR, changes, zone_of
from reprise.data.series.reading.order import order_rows, shows_hours
from reprise.data.series.reading.outliers import far_off
from reprise.data.series.reading.points import Tallies, lay, to_series
from reprise.data.series.reading.rows import Rows, stamp

__all__ = ["assemble"]

SHARE = 1 / 3  # of steps that may be gaps, before times are called irregular
LARGEST = 3.4e38  # models compute in single precision
SHORT = 10  # steps
STRETCH, SPARE = 100, 10**6  # so many steps a row, and a few more, are laid on a clock that was asked for


def assemble(rows: Rows, choices: Choices, name: str, official: int | None = None) -> Panel:
    """A panel of the series in `rows`. Raises InputError, with the place, for values no model can learn from, for
    repeats, and where nothing is left.
    """
    _check_sizes(rows)
    rows, step = order_rows(rows, choices)
    step, number, notes = _clock(rows, step, choices)
    skips, zone = _skips(rows, step, number)
    found, series = Tallies(), []
    for laid in lay(rows, step, number, skips):
        series += to_series(rows, laid, choices.fill, step is not None, found)
    if not series:
        raise InputError(f"{rows.source}: no column has a value; columns looked at: "
                         f"{', '.join(rows.columns[:5]) or 'all'}; name another by target")
    season, told = _season(series, step, choices)
    notes = (*rows.notes, *notes, *_said(found, choices.fill, zone, len(series)), *told, *far_off(series))
    return Panel(name, tuple(series), step, season, rows.known_names, rows.static_names, notes, rows.repeated, official)


def _check_sizes(rows: Rows) -> None:
    for what, matrix, names in (("values", rows.values, rows.columns), ("known", rows.known, rows.known_names)):
        with np.errstate(invalid="ignore"):
            beyond = np.abs(matrix) > LARGEST
        if beyond.any():
            row, column = (int(i) for i in np.argwhere(beyond)[0])
            raise InputError(f"{rows.place(row, names[column] or None)}: {matrix[row, column]:g} among the {what}, "
                             f"too large to compute with (at most {LARGEST:g}); mend it, or leave it empty if it is "
                             "missing")


def _clock(rows: Rows, step: Step | None, choices: Choices) -> tuple[Step | None, np.ndarray, tuple[str, ...]]:
    """The step that rows keep, or None; their places on the clock; and what to say where they keep none."""
    counted = np.arange(len(rows)) - np.repeat(starts_of(rows.group), np.diff(starts_of(rows.group), append=len(rows)))
    if step is None:
        return None, counted, ("no series has two stamps, so no step is known",)
    number, exact = places(rows.times, rows.group, step)
    if not exact.all():
        row, near = int(np.argmax(~exact)), step if exact.mean() > 0.5 else usual_step(rows.times, rows.group)
        return None, counted, (
            f"no step is kept: it is most often {_size(step)}, but {(~exact).sum():,} of {len(rows):,} stamps are off "
            f"it (first: {rows.place(row, rows.time)}, {stamp(rows.times[row])}), so times stay as they are; "
            f"--step {near.count:g}{near.unit} would put them on a clock",)
    total = int(number[np.append(starts_of(rows.group)[1:], len(rows)) - 1].sum()) + len(starts_of(rows.group))
    if choices.step is None and total - len(rows) > SHARE * total:
        return None, counted, (
            f"no step is kept: of steps of {_size(step)}, {total - len(rows):,} of {total:,} would be gaps, so times "
            f"stay as they are; --step {step.count:g}{step.unit} would fill them",)
    if total > STRETCH * len(rows) + SPARE:
        raise InputError(f"{rows.source}: steps of {_size(step)} make {total:,} of {len(rows):,} rows; give a longer "
                         "step, or none, to keep times as they are")
    return step, number, _own_steps(rows, step, number) if choices.step is None else ()


def _own_steps(rows: Rows, step: Step, number: np.ndarray) -> tuple[str, ...]:
    """What to say of a series most of whose steps are gaps: it may have a step of its own."""
    starts = starts_of(rows.group)
    ends = np.append(starts[1:], len(rows))
    sparse = np.flatnonzero(ends - starts < (1 - SHARE) * (number[ends - 1] + 1))
    if not len(sparse):
        return ()
    start, end = starts[sparse[0]], ends[sparse[0]]
    own = infer_step(rows.times[start:end], rows.group[start:end])
    return (f"more than a third of the steps of {len(sparse)} of {len(starts)} series are gaps (first: "
            f"{rows.name(int(rows.group[start]))}, itself {_size(own) if own else 'of one stamp'}): open series of "
            "another step apart",)


def _size(step: Step) -> str:
    return f"{step.count:g}" if not step.unit else f"{step.count} {step.unit}"


def _skips(rows: Rows, step: Step | None, number: np.ndarray) -> tuple[np.ndarray, str | None]:
    """Which rows come after an hour that clocks skip when daylight saving begins, and a zone where they do."""
    none = np.zeros(len(rows), bool)
    if step is None or not rows.dated or not shows_hours(step):
        return none, None
    hour = HOUR // (LENGTHS[step.unit] * step.count)  # in steps
    after = 1 + np.flatnonzero((np.diff(rows.group) == 0) & (np.diff(number) == hour + 1))
    absent = rows.times[after] - np.timedelta64(HOUR, "ns")
    zone = zone_of(np.unique(rows.times), absent, absent[:0]) if len(after) else None
    if zone is not None:
        none[after[changes(absent, zone)[0]]] = True
    return none, zone


def _season(series: list[Series], step: Step | None, choices: Choices) -> tuple[int, tuple[str, ...]]:
    """Steps of a season, and what to say of series that are short."""
    longest = max(map(len, series))
    season = choices.season or (step.season if step is not None else 1)
    told = []
    if season > 1 and longest < 2 * season and choices.season is None:
        told.append(f"no series is as long as two seasons of {season} steps: none is counted on")
        season = 1
    short = [one.name for one in series if len(one) < SHORT]
    if short:
        told.append(f"{_of(len(short), len(series))} shorter than {SHORT} steps ({_names(short)})")
    return season, tuple(told)


def _said(found: Tallies, fill: str, zone: str | None, total: int) -> list[str]:
    """A clause for everything that was counted while points were made."""
    how = {"forward": "filled forward", "linear": "filled linearly", "zero": "filled with zeros"}.get(fill, "")
    skip = f" that clocks skip when daylight saving begins (as in {zone})"
    kinds = (
        (found.skipped, f"step{skip}", f"steps{skip}", how if fill == "linear" else "filled forward"),
        (found.gaps, "gap", "gaps", how), (found.missing, "missing value", "missing values", how),
        (found.known, "row without a covariate", "rows without a covariate", "carried on from before"),
        (found.dropped, "missing value", "missing values", "left out"),
        (found.ends, "missing value at an end", "missing values at ends", "cut"))
    notes = []
    for tally, one, several, done in kinds:
        if tally.count:
            of = f" in {tally.series:,} series" if tally.series > 1 else ""
            notes.append(f"{tally.count:,} {one if tally.count == 1 else several}{of} {done} (first: {tally.first})")
    if found.empty:
        notes.append(f"{len(found.empty):,} series without any value left out ({_names(found.empty)})")
    if found.constant:
        notes.append(f"{_of(len(found.constant), total)} constant ({_names(found.constant)})")
    return notes


def _of(count: int, total: int) -> str:
    return "it is" if total == 1 else f"{count:,} of {total:,} series {'is' if count == 1 else 'are'}"


def _names(names: list[str]) -> str:
    return f"{', '.join(names[:3])}{' ...' if len(names) > 3 else ''}"
