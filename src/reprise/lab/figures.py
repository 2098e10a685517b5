"""Figures as data: which columns of the rows a picture shows, and in which shape. Something else draws them."""
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from statistics import median
from typing import Any, Literal, NamedTuple

from reprise.lab.table import Table

__all__ = ["Figure", "Point", "bars", "curve", "heat_map", "points", "scatter"]

Shape = Literal["curve", "bars", "heat map", "scatter"]


@dataclass(frozen=True)
class Figure:
    """A picture of `number` (its median over seeds), for every value of `across`.

    by: a line, bar or mark for each value of this column; down a heat map.   each: a picture for each value of it.
    log: the axes that are logarithmic, "", "x", "y" or "xy".   where: the rows it is about.
    """

    shape: Shape
    across: str
    number: str
    by: str = ""
    each: str = ""
    log: str = ""
    title: str = ""
    where: Mapping[str, Any] = field(default_factory=dict)

    def parts(self, table: Table) -> list[tuple[str, Table]]:
        """The title and the rows of every picture."""
        rows, title = table.where(**self.where), self.title or self._title()
        if not self.each:
            return [(title, rows)]
        return [(f"{title}: {self.each} {value}", rows.where(**{self.each: value})) for value in rows.values(self.each)]

    def _title(self) -> str:
        if self.shape == "heat map":
            return f"{self.number} for each {self.by} and {self.across}"
        about = f"{self.number} for each" if self.shape == "bars" else f"{self.number} against"
        return f"{about} {self.across}" + (f", {self.by} by {self.by}" if self.by else "")


class Point(NamedTuple):
    """What all seeds of one place have measured."""

    by: Any
    across: Any
    middle: float
    low: float
    high: float


def curve(across: str, number: str, by: str = "", *, each: str = "", log: str = "", title: str = "",
          where: Mapping[str, Any] | None = None) -> Figure:
    """A line a value of `by`: how a number goes with another."""
    return Figure("curve", across, number, by, each, log, title, where or {})


def bars(across: str, number: str, by: str = "", *, each: str = "", log: str = "", title: str = "",
         where: Mapping[str, Any] | None = None) -> Figure:
    """A bar a value of `across`, in a group a value of it where there is a `by`."""
    return Figure("bars", across, number, by, each, log, title, where or {})


def heat_map(down: str, across: str, number: str, *, each: str = "", title: str = "",
             where: Mapping[str, Any] | None = None) -> Figure:
    """A field a pair of values, dark where the number is large."""
    return Figure("heat map", across, number, down, each, "", title, where or {})


def scatter(across: str, number: str, by: str = "", *, each: str = "", log: str = "", title: str = "",
            where: Mapping[str, Any] | None = None) -> Figure:
    """A mark a value of `by`, where two measured numbers meet: the medians over seeds of both."""
    return Figure("scatter", across, number, by, each, log, title, where or {})


def points(figure: Figure, rows: Table) -> list[Point]:
    """What there is to draw, in the order of the grid: a point for every value of `by` and `across` (of a scatter, of
    `by` alone). Numbers that are not finite are left out.

    Raises ValueError where a point would be of several rows of one seed: the figure must say more of which are meant;
    and for a curve across what is no number.
    """
    measured = figure.shape == "scatter"
    columns = [column for column in (figure.by, "" if measured else figure.across) if column]
    groups: dict[tuple, list[dict]] = {}
    for row in rows.having(figure.number):
        groups.setdefault(tuple(row[column] for column in columns), []).append(row)
    found = []
    for group in groups.values():
        seeds = [row["seed"] for row in group]
        if len(set(seeds)) < len(seeds):
            raise ValueError(f"{figure.shape} of {figure.number}: {', '.join(columns) or 'all'} leaves several rows of "
                             "one seed; give it by, each or where")
        numbers = [row[figure.number] for row in group if _finite(row[figure.number])]
        places = [row[figure.across] for row in group if _finite(row[figure.across])] if measured else [
            group[0][figure.across]]
        if figure.shape == "curve" and not all(isinstance(place, int | float) for place in places):
            raise ValueError(f"a curve across {figure.across} needs numbers there, got {places[0]!r}; make it bars")
        if numbers and places:
            found.append(Point(group[0][figure.by] if figure.by else figure.number,
                               median(places) if measured else places[0], median(numbers), min(numbers), max(numbers)))
    return found


def _finite(value: Any) -> bool:
    return value is not None and isfinite(value)
