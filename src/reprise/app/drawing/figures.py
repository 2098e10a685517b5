"""Figures of studies, drawn from rows: one function for lines and marks in a frame, each a shape of its own."""
from collections.abc import Callable, Sequence

from reprise.app.drawing.axes import axis, written
from reprise.app.drawing.fields import bars, heat_map
from reprise.app.drawing.frame import BOTTOM, LEFT, TOP, WIDTH, Axis, chart, look
from reprise.app.drawing.labels import BESIDE, RADIUS, Place, around_points, beside_ends
from reprise.app.drawing.markup import Markup, number, tag
from reprise.lab.figures import Figure, Point, points
from reprise.lab.table import Table

__all__ = ["curve", "draw", "scatter"]


def draw(figure: Figure, table: Table, note: str = "") -> list[Markup]:
    """Its pictures, those that have anything to show; `note` goes to the end of their titles."""
    found = [(f"{title}{note}", [p for p in points(figure, rows) if _drawable(p, figure)])
             for title, rows in figure.parts(table)]
    return [SHAPES[figure.shape](title, figure, shown) for title, shown in found if shown]


def curve(title: str, figure: Figure, shown: Sequence[Point]) -> Markup:
    """A line each, with its range over seeds behind it."""
    lines = _lines(shown)
    across = axis((p.across for p in shown), LEFT, BESIDE, figure.across, log="x" in figure.log, room=0)
    up = axis(_reach(shown), BOTTOM, TOP, figure.number, log="y" in figure.log)
    ranges, ways, ends = [], [], []
    for rank, (name, line) in enumerate(lines.items()):
        ranges.append(_range(line, across, up, rank))
        places = [(across.scale(p.across), up.scale(p.middle)) for p in line]
        told = tag("title", None, f"{name}: {', '.join(f'{written(p.across)}: {p.middle:.3g}' for p in line)}")
        ways.append(tag("path", {"class": f"line {look(rank)}", "d": _way(places)}, told))
        ends.append(Place(name, look(rank), *places[-1]))
    told = "; ".join(f"{name} {line[-1].middle:.3g}" for name, line in lines.items())
    return chart(title, f"{figure.number} against {figure.across}, a line each. At the end: {told}.", across, up,
                 ranges + ways + beside_ends(sorted(ends, key=lambda end: end.y)))


def scatter(title: str, figure: Figure, shown: Sequence[Point]) -> Markup:
    """A point each, with its range over seeds."""
    across = axis((p.across for p in shown), LEFT, WIDTH - 14, figure.across, log="x" in figure.log, room=0.12)
    up = axis(_reach(shown), BOTTOM, TOP, figure.number, log="y" in figure.log, room=0.12)
    marks, names = [], []
    for rank, p in enumerate(shown):
        x, y = across.scale(p.across), up.scale(p.middle)
        whisker = {"class": "whisker", "x1": x, "x2": x, "y1": up.scale(max(p.low, up.scale.low)),
                   "y2": up.scale(p.high)}
        told = f"{p.by}: {p.middle:.3g} at {written(p.across)} ({p.low:.3g} to {p.high:.3g} over seeds)"
        marks.append(tag("g", {"class": f"point {look(rank)}"}, tag("title", None, told), tag("line", whisker),
                         tag("circle", {"cx": x, "cy": y, "r": RADIUS})))
        names.append(Place(str(p.by), look(rank), x, y))
    told = "; ".join(f"{p.by} {p.middle:.3g} at {written(p.across)}" for p in shown)
    return chart(title, f"{figure.number} against {figure.across}, a point each: {told}.", across, up,
                 marks + around_points(names))


def _lines(shown: Sequence[Point]) -> dict[str, list[Point]]:
    lines: dict[str, list[Point]] = {}
    for point in sorted(shown, key=lambda p: p.across):
        lines.setdefault(str(point.by), []).append(point)
    return {name: lines[name] for name in dict.fromkeys(str(p.by) for p in shown)}


def _drawable(point: Point, figure: Figure) -> bool:
    """What is not positive has no place on a logarithmic axis."""
    return ("x" not in figure.log or point.across > 0) and ("y" not in figure.log or point.middle > 0)


def _range(line: Sequence[Point], across: Axis, up: Axis, rank: int) -> Markup:
    def y(value: float) -> float:
        return up.scale(max(value, up.scale.low))

    around = [*((across.scale(p.across), y(p.high)) for p in line),
              *((across.scale(p.across), y(p.low)) for p in reversed(line))]
    return tag("path", {"class": f"range {look(rank)}", "d": f"{_way(around)}Z"})


def _reach(shown: Sequence[Point]) -> list[float]:
    return [value for p in shown for value in (p.low, p.middle, p.high)]


def _way(places: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{number(x)} {number(y)}" for x, y in places)


SHAPES: dict[str, Callable[[str, Figure, Sequence[Point]], Markup]] = {
    "curve": curve, "bars": bars, "heat map": heat_map, "scatter": scatter}
