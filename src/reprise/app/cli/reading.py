"""How a table is read, and what is asked of it: options that several commands take."""
from typing import Annotated, Any

import typer

from reprise.app.cli.options import given, names

__all__ = ["Activity", "Attributes", "By", "Case", "Duplicates", "Fill", "Horizon", "Id", "Kind", "Known", "Lookback",
           "Protocol", "Season", "Static", "Step", "Target", "Time", "given_of"]

PANEL, EVENTS = "Series", "Logs of events"  # headings of these options in the help
LISTS = {"id", "target", "known", "static", "attributes"}  # options that name several columns

Kind = Annotated[str | None, typer.Option(
    "--as", help="What the data are, where that is found wrongly: text, series, events.")]
Protocol = Annotated[str | None, typer.Option(
    help="How series are cut: rolling (the default), ett, m4.", rich_help_panel=PANEL)]
Horizon = Annotated[int | None, typer.Option(help="Steps to forecast.", rich_help_panel=PANEL)]
Lookback = Annotated[int | None, typer.Option(
    help="Steps a forecast may look back; all there are, if left out.", rich_help_panel=PANEL)]
Id = Annotated[str | None, typer.Option(help="Columns that name a series, with commas.", rich_help_panel=PANEL)]
Time = Annotated[str | None, typer.Option(help="Column of the time, of series and of events.", rich_help_panel=PANEL)]
Target = Annotated[str | None, typer.Option(help="Columns of the values, with commas.", rich_help_panel=PANEL)]
Known = Annotated[str | None, typer.Option(
    help="Columns that are known ahead, with commas.", rich_help_panel=PANEL)]
Static = Annotated[str | None, typer.Option(
    help="Columns that stay the same within a series, with commas.", rich_help_panel=PANEL)]
Step = Annotated[str | None, typer.Option(help="Clock of the series: 15min, h, D, M ...", rich_help_panel=PANEL)]
Season = Annotated[int | None, typer.Option(help="Steps of a season; 1 for none.", rich_help_panel=PANEL)]
Fill = Annotated[str | None, typer.Option(
    help="What stands where nothing was seen: forward, linear, zero or error.", rich_help_panel=PANEL)]
Duplicates = Annotated[str | None, typer.Option(
    help="Of stamps that repeat with other values: error, first, last, mean or sum.", rich_help_panel=PANEL)]
Case = Annotated[str | None, typer.Option(help="Column of the case, user or session.", rich_help_panel=EVENTS)]
Activity = Annotated[str | None, typer.Option(help="Column of what happened.", rich_help_panel=EVENTS)]
Attributes = Annotated[str | None, typer.Option(
    help="Columns of numbers that tell more of an event, with commas.", rich_help_panel=EVENTS)]
By = Annotated[str | None, typer.Option(help="How the log is split: official, case or event.", rich_help_panel=EVENTS)]


def given_of(**asked: Any) -> dict[str, Any]:
    """What was asked for, lists as such; the rest was left out."""
    return {name: names(value) if name in LISTS else value for name, value in given(asked).items()}
