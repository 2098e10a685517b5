"""Names in a chart, where they cover nothing: beyond the frame beside the ends of lines, or around points."""
from collections.abc import Sequence
from typing import NamedTuple

from reprise.app.drawing.frame import BOTTOM, LEFT, TOP, WIDTH, short, text_width
from reprise.app.drawing.markup import Markup, number, tag
from reprise.app.drawing.scale import spread_out

__all__ = ["BESIDE", "GAP", "RADIUS", "Place", "around_points", "beside_ends"]

BESIDE = WIDTH - 118  # where the frame ends if names stand beyond it
GAP = 13.5  # between names
RADIUS = 4.5  # of a point
SIDES = (("start", 9, 4), ("end", -9, 4), ("middle", 0, -9), ("middle", 0, 18),
         ("start", 7, -6), ("start", 7, 14), ("end", -7, -6), ("end", -7, 14))

Box = tuple[float, float, float, float]


class Place(NamedTuple):
    """A name, its look, and the point it belongs to."""

    name: str
    look: str
    x: float
    y: float


def beside_ends(ends: Sequence[Place]) -> list[Markup]:
    """Names beyond the frame, as near to their line as they can stand; the first ones, if there is no room for all."""
    fit = ends[: int((BOTTOM - TOP + 16) / GAP) + 1]
    marks = []
    for end, place in zip(fit, spread_out([end.y for end in fit], GAP, TOP - 8, BOTTOM + 8)):
        way = (end.x + 2, end.y, max(end.x + 2, BESIDE), end.y, BESIDE + 9, place)
        marks.append(tag("polyline", {"class": f"lead {end.look}", "points": " ".join(map(number, way))}))
        marks.append(tag("text", {"class": f"name {end.look}", "x": BESIDE + 12, "y": place + 4}, short(end.name)))
    return marks


def around_points(points: Sequence[Place]) -> list[Markup]:
    """Each name on the first side of its point where it covers nothing, the first point's first; else none."""
    taken = [(x - RADIUS - 1, y - RADIUS - 1, x + RADIUS + 1, y + RADIUS + 1) for _, _, x, y in points]
    marks = []
    for name, look, x, y in points:
        for anchor, right, down in SIDES:
            box = _box(short(name), anchor, x + right, y + down)
            inside = box[0] > LEFT and box[2] < WIDTH and box[1] > TOP - 10 and box[3] < BOTTOM
            if inside and not any(_overlap(box, other) for other in taken):
                taken.append(box)
                marks.append(tag("text", {"class": f"name {look}", "x": x + right, "y": y + down,
                                          "text-anchor": anchor}, short(name)))
                break
    return marks


def _box(name: str, anchor: str, x: float, y: float) -> Box:
    width = text_width(name)
    left = x - {"start": 0, "end": width, "middle": width / 2}[anchor]
    return left, y - 10, left + width, y + 3


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
