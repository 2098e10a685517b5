"""How a table is read, and what is asked of it: options that several commands take."""
import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Annotated, Any

import typer

from reprise.app.cli.options import given, names

__all__ = ["COMPARED", "EVENTS", "FILE", "SERIES", "Horizon", "Kind", "Reading", "takes"]

PANEL, LOGS, WRITTEN = "Series", "Logs of events", "How the file is written"  # headings of these options in the help
LISTS = {"id", "target", "known", "static", "attributes"}  # options that name several columns

Reading = Mapping[str, Any]  # what was asked for of these options

Kind = Annotated[str | None, typer.Option(
    "--as", help="What the data are, where that is found wrongly: text, series, events.")]
Horizon = Annotated[int | None, typer.Option(help="Steps to forecast.", rich_help_panel=PANEL)]


def _option(heading: str, about: str, kind: type = str) -> Any:
    return Annotated[kind | None, typer.Option(help=about, rich_help_panel=heading)]


SERIES = {
    "id": _option(PANEL, "Columns that name a series, with commas."),
    "time": _option(PANEL, "Column of the time, of series and of events."),
    "target": _option(PANEL, "Columns of the values, with commas."),
    "known": _option(PANEL, "Columns that are known ahead, with commas."),
    "static": _option(PANEL, "Columns that stay the same within a series, with commas."),
    "step": _option(PANEL, "Clock of the series: 15min, h, D, M ..."),
    "season": _option(PANEL, "Steps of a season; 1 for none.", int),
    "fill": _option(PANEL, "What stands where nothing was seen: forward, linear, zero or error."),
    "duplicates": _option(PANEL, "Of stamps that repeat with other values: error, first, last, mean or sum."),
    "start": _option(PANEL, "First time to keep, as 2024, 2024-05 or 2024-05-01T13:00."),
    "end": _option(PANEL, "Last time to keep; a year, a month or a day is kept whole."),
}
EVENTS = {
    "case": _option(LOGS, "Column of the case, user or session; none for a log that is one case."),
    "activity": _option(LOGS, "Column of what happened."),
    "attributes": _option(LOGS, "Columns of numbers that tell more of an event, with commas."),
}
FILE = {
    "delimiter": _option(WRITTEN, "What stands between columns: one letter, or blanks."),
    "decimal": _option(WRITTEN, "The decimal sign: a point or a comma."),
    "encoding": _option(WRITTEN, "As Python names it: utf-8, cp1252 ..."),
    "time_format": _option(WRITTEN, "Of the time column, as %d.%m.%Y; or s, ms, us, ns since 1970."),
}
COMPARED = {
    "protocol": _option(PANEL, "How series are cut: rolling (the default), ett, m4."),
    "lookback": _option(PANEL, "Steps a forecast may look back; all there are, if left out.", int),
    "by": _option(LOGS, "How the log is split: official, case or event."),
}


def _read(name: str, value: Any) -> Any:
    if name in LISTS:
        return names(value)
    return False if (name, value) == ("case", "none") else value


def takes(*groups: Mapping[str, Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Gives a command these options; it finds what was asked for, lists as such, in its parameter `reading`."""
    options = {name: kind for group in groups for name, kind in group.items()}

    def give(command: Callable[..., None]) -> Callable[..., None]:
        @wraps(command)
        def asked(**said: Any) -> None:
            found = given({name: said.pop(name) for name in options})
            command(**said, reading={name: _read(name, value) for name, value in found.items()})

        own = inspect.signature(command)
        before = [parameter for parameter in own.parameters.values() if parameter.name != "reading"]
        new = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind)
               for name, kind in options.items()]
        asked.__signature__ = own.replace(parameters=[*before, *new])
        asked.__annotations__ = {parameter.name: parameter.annotation for parameter in [*before, *new]}
        return asked

    return give
