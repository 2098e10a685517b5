"""What every chart has: a frame with grid, ticks and titles, a text alternative, and a look for each thing in it."""
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from reprise.app.drawing.markup import Markup, join, tag
from reprise.app.drawing.scale import Scale

__all__ = [
    "BOTTOM", "HEIGHT", "LEFT", "TOP", "WIDTH", "Axis", "Looks", "chart", "look", "picture", "short", "text_width",
    "under",
]

WIDTH, HEIGHT = 480, 330
LEFT, TOP, BOTTOM = 44, 26, 290
HUES = 7
LONGEST = 14  # letters of a name in a chart
Looks = Mapping[str, str]  # name -> classes


@dataclass(frozen=True)
class Axis:
    """Where values stand, which are marked, how they are written and what they are."""

    scale: Scale
    ticks: Sequence[float]
    write: Callable[[float], str]
    title: str


def look(rank: int) -> str:
    """The classes of what comes at this place: seven hues, then the same dashed, so that no two look alike."""
    return f"c{rank % HUES} d{rank // HUES % 3}"


def chart(title: str, description: str, across: Axis, up: Axis, marks: Sequence[Markup]) -> Markup:
    """The picture: marks within a frame, under a title; whoever cannot see it is told the description."""
    clip = f"{_identity(title)}-c"
    box = {"x": LEFT, "y": TOP - 4, "width": across.scale.end - LEFT + 4, "height": BOTTOM - TOP + 8}
    defined = tag("defs", None, tag("clipPath", {"id": clip}, tag("rect", box)))
    return picture(title, description, (WIDTH, HEIGHT), [defined, _frame(across, up), _inside(clip, marks)])


def picture(title: str, description: str, size: tuple[float, float], content: Sequence[Markup]) -> Markup:
    """Anything drawn, with its title above it and its description for whoever cannot see it."""
    identity = _identity(title)
    image = {"viewBox": f"0 0 {size[0]:g} {size[1]:g}", "role": "img",
             "aria-labelledby": f"{identity}-t {identity}-d"}
    return tag("figure", {"class": "chart"}, tag("figcaption", None, title), tag(
        "svg", image, tag("title", {"id": f"{identity}-t"}, title),
        tag("desc", {"id": f"{identity}-d"}, description), *content))


def text_width(text: str) -> float:
    """Pixels, at most, at the size of labels, which is larger on a phone."""
    return 7.4 * len(text)


def short(name: str) -> str:
    """A name that fits beside a chart; whole in tables and under the pointer."""
    return name if len(name) <= LONGEST else f"{name[:LONGEST - 1]}…"


def under(text: str, x: float, y: float) -> Markup:
    """A label whose middle is at x."""
    return tag("text", {"class": "tick", "x": x, "y": y, "text-anchor": "middle"}, text)


def _identity(title: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in title.lower())


def _inside(clip: str, marks: Sequence[Markup]) -> Markup:
    """Lines end at the frame; labels do not."""
    lines = [mark for mark in marks if mark.startswith("<path")]
    rest = [mark for mark in marks if not mark.startswith("<path")]
    return tag("g", None, tag("g", {"clip-path": f"url(#{clip})"}, *lines), *rest)


def _frame(across: Axis, up: Axis) -> Markup:
    end, parts = across.scale.end, []
    for value in up.ticks:
        y = up.scale(value)
        parts.append(tag("line", {"class": "grid", "x1": LEFT, "x2": end, "y1": y, "y2": y}))
        label = {"class": "tick", "x": LEFT - 6, "y": y + 4, "text-anchor": "end"}
        parts.append(tag("text", label, up.write(value)))
    for value in across.ticks:
        x = across.scale(value)
        parts.append(tag("line", {"class": "mark", "x1": x, "x2": x, "y1": BOTTOM, "y2": BOTTOM + 4}))
        parts.append(under(across.write(value), x, BOTTOM + 17))
    parts.append(tag("line", {"class": "axis", "x1": LEFT, "x2": end, "y1": BOTTOM, "y2": BOTTOM}))
    parts.append(under(across.title, (LEFT + end) / 2, BOTTOM + 35))
    parts.append(tag("text", {"class": "tick", "x": 4, "y": 12}, up.title))
    return tag("g", {"aria-hidden": "true"}, join(parts))
