"""Figures whose places have names: bars, and the fields of a heat map. As high as they need to be."""
from collections.abc import Sequence
from math import cos, degrees, radians, sin

from reprise.app.drawing.axes import axis, written
from reprise.app.drawing.frame import WIDTH, look, picture, short, text_width, under
from reprise.app.drawing.markup import Markup, tag
from reprise.app.drawing.scale import Scale
from reprise.lab.figures import Figure, Point

__all__ = ["bars", "heat_map"]

LEFT, RIGHT, TOP = 134, WIDTH - 14, 26  # names stand left of the picture
BAR, FIELD, APART = 16, 24, 8  # pixels: how high a bar and a field are, and how far groups stand apart
UPRIGHT = radians(60)  # that names above columns are turned by, where they have no room
DEEP = 0.7  # of the scale, from which on the ink on a field is light


def bars(title: str, figure: Figure, shown: Sequence[Point]) -> Markup:
    """From zero to the median, with its range over seeds; in groups, with a colour each, where there is a `by`."""
    kinds = list(dict.fromkeys(str(p.by) for p in shown))
    groups: dict[str, list[Point]] = {}
    for point in shown:
        groups.setdefault(str(point.across), []).append(point)
    ends = [value for p in shown for value in (p.low, p.high)]
    log, y = "y" in figure.log, float(TOP + (16 if figure.by else 0))
    along = axis(ends if log else [0.0, *ends], LEFT, RIGHT, figure.number, log=log, room=0.02)
    marks = _legend(kinds) if figure.by else []
    for name, group in groups.items():
        middle = y + len(group) * BAR / 2 + 4
        marks.append(tag("text", {"class": "tick", "x": LEFT - 8, "y": middle, "text-anchor": "end"}, short(name)))
        for point in group:
            kind = kinds.index(str(point.by)) if figure.by else 0
            marks.append(_bar(point, along.scale, y, kind))
            y += BAR
        y += APART
    grid = []
    for value in along.ticks:
        x = along.scale(value)
        grid.append(tag("line", {"class": "grid", "x1": x, "x2": x, "y1": TOP + 8, "y2": y}))
        grid.append(under(written(value), x, y + 14))
    told = "; ".join(f"{p.across}{f' {p.by}' if figure.by else ''} {p.middle:.3g}" for p in shown)
    return picture(title, f"{figure.number}, a bar each: {told}.", (WIDTH, y + 40),
                   [*grid, *marks, under(figure.number, (LEFT + RIGHT) / 2, y + 32)])


def _bar(point: Point, along: Scale, y: float, kind: int) -> Markup:
    zero, end = along.start if along.log else along(0.0), along(max(point.middle, along.low))
    told = f"{point.across}: {point.middle:.3g} ({point.low:.3g} to {point.high:.3g} over seeds)"
    box = {"x": min(zero, end), "y": y + 1, "width": abs(end - zero), "height": BAR - 2}
    whisker = {"class": "whisker", "x1": along(max(point.low, along.low)), "x2": along(max(point.high, along.low)),
               "y1": y + BAR / 2, "y2": y + BAR / 2}
    return tag("g", {"class": f"bar {look(kind)}"}, tag("title", None, told), tag("rect", box), tag("line", whisker))


def _legend(kinds: Sequence[str]) -> list[Markup]:
    marks, x = [], 4.0
    for rank, kind in enumerate(kinds):
        marks.append(tag("g", {"class": f"bar {look(rank)}"}, tag("rect", {"x": x, "y": 6, "width": 10, "height": 10})))
        marks.append(tag("text", {"class": "tick", "x": x + 15, "y": 15}, short(kind)))
        x += 26 + text_width(short(kind))
    return marks


def heat_map(title: str, figure: Figure, shown: Sequence[Point]) -> Markup:
    """A field each, deep where the number is large; the number stands in it where there is room."""
    down, across = (list(dict.fromkeys(str(p[place]) for p in shown)) for place in (0, 1))
    low, high = _limits([p.middle for p in shown])
    longest, width = max(text_width(short(name)) for name in across), (RIGHT - LEFT) / len(across)
    turned = longest > width
    if turned:  # the last name leans beyond its column
        width = (RIGHT - LEFT - longest * cos(UPRIGHT)) / len(across)
    top = 26 + (longest * sin(UPRIGHT) if turned else 14)
    marks = [_above(name, LEFT + (column + 0.5) * width, top - 8, turned) for column, name in enumerate(across)]
    for row, name in enumerate(down):
        label = {"class": "tick", "x": LEFT - 8, "y": top + row * FIELD + 16, "text-anchor": "end"}
        marks.append(tag("text", label, short(name)))
    for point in shown:
        place = LEFT + across.index(str(point.across)) * width, top + down.index(str(point.by)) * FIELD
        marks.append(_field(point, place, width, max(point.middle - low, 0.0) / ((high - low) or 1)))
    scale = f"{figure.number}: pale {written(low)}, deep {written(high)}"
    told = "; ".join(f"{p.by} {p.across} {p.middle:.3g}" for p in shown)
    marks.append(tag("text", {"class": "tick", "x": 4, "y": 12}, scale))
    return picture(title, f"{figure.number} for each {figure.by} and {figure.across}: {told}.",
                   (WIDTH, top + len(down) * FIELD + 8), marks)


def _limits(numbers: Sequence[float]) -> tuple[float, float]:
    """From nought to one where they are shares of something, or scaled so that chance is nought; else what there is."""
    low, high = min(numbers), max(numbers)
    return (0.0, 1.0) if low >= -0.1 and high <= 1 else (low, high)


def _above(name: str, x: float, y: float, turned: bool) -> Markup:
    if not turned:
        return under(short(name), x, y)
    turn = f"rotate({-degrees(UPRIGHT):.0f} {x:.1f} {y:.1f})"
    return tag("text", {"class": "tick", "x": x, "y": y, "transform": turn}, short(name))


def _field(point: Point, place: tuple[float, float], width: float, depth: float) -> Markup:
    x, y = place
    said = f"{point.middle:.2f}" if abs(point.middle) < 10 else written(point.middle)
    told = f"{point.by}, {point.across}: {point.middle:.3g} ({point.low:.3g} to {point.high:.3g} over seeds)"
    box = {"x": x + 1, "y": y + 1, "width": width - 2, "height": FIELD - 2, "rx": 2,
           "style": f"--p: {100 * depth:.0f}%"}
    text = under(said, x + width / 2, y + FIELD / 2 + 4) if text_width(said) < width else None
    kind = "field deep" if depth > DEEP else "field"
    return tag("g", {"class": kind}, tag("title", None, told), tag("rect", box), text)
