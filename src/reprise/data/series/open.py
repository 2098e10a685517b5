"""Series from wherever they are: a file, standard input, a DataFrame, the name of a known set."""
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from reprise.core.errors import InputError, suggest
from reprise.data.series.known.sets import is_known, list_series, open_known
from reprise.data.series.panel import Panel, Step
from reprise.data.series.reading.assemble import assemble
from reprise.data.series.reading.choices import Choices, listed, parse_step
from reprise.data.series.reading.layout import to_rows
from reprise.data.tables.read import read_table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["open_series"]

Names = str | Sequence[str] | None


def open_series(
    what: "str | os.PathLike[str] | pd.DataFrame", *,
    id: Names = None, time: str | None = None, target: Names = None, known: Names = (), static: Names = (),
    step: Step | str | float | None = None, season: int | None = None, fill: str = "forward",
    duplicates: str = "error", start: object = None, end: object = None,
    delimiter: str | None = None, decimal: str | None = None, encoding: str | None = None,
    time_format: str | Mapping[str, str] | None = None,
) -> Panel:
    """The series of a table, on one clock; what was found and done is in `notes`, and in `told(panel)`.

    what: a path (packed or not), "-", a DataFrame, or a name from `list_series()`.
    id, time, target: the columns that name the series, say when, and hold the values; found out where they are not
    given. Several targets, or a wide table, are several series; several ids are joined.
    known: covariates given beyond the last value.   static: covariates that stay the same within a series.
    step: "15min", "h", "D", "M" ...: moves stamps to that clock; found out where it is not given.   season: in steps.
    fill: of steps without a value: forward, zero or error; or linear, which looks at the value that comes after.
    duplicates: of stamps that repeat with other values: error, first, last, mean or sum.
    start, end: the first and the last time to keep; a year, a month or a day is kept whole.
    The rest: how the file is written, as in `read_table`.
    Raises InputError, with file, line, column and remedy, for what cannot be read, is no series, or would be learned
    from wrongly.
    """
    choices = Choices(listed(id), time, listed(target), listed(known), listed(static), parse_step(step), season, fill,
                      duplicates, _text(start), _text(end))
    if isinstance(what, str) and not Path(what).exists() and is_known(what):
        return open_known(what, choices)
    if isinstance(what, str) and re.fullmatch(r"[A-Za-z][A-Za-z0-9-]*", what) and not Path(what).exists():
        raise InputError(f"no file and no known set is called {what!r}{suggest(what, list_series())}")
    table = read_table(what, delimiter=delimiter, decimal=decimal, encoding=encoding, time_format=time_format)
    return assemble(to_rows(table, choices), choices, _name(table.source))


def _text(time: object) -> str | None:
    return None if time is None else str(time)


def _name(source: str) -> str:
    """A file's name without what says how it is written and packed."""
    name = source.rsplit(":", 1)[-1].rsplit("/", 1)[-1]
    return name.split(".")[0] or name
