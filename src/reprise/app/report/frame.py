"""What every chart has: a frame with grid, ticks and titles, a text alternative, and the look of each model."""
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from reprise.app.findings.chance import finished
from reprise.app.findings.summary import Summary
from reprise.app.report.markup import Markup, join, tag
from reprise.app.report.scale import Scale, linear_ticks

__all__ = ["BOTTOM", "HEIGHT", "LEFT", "TOP", "WIDTH", "Axis", "Looks", "chart", "looks", "short", "text_width"]

WIDTH, HEIGHT = 480, 330
LEFT, TOP, BOTTOM = 36, 26, 290
HUES = 7
LONGEST = 14  # letters of a name in a chart
Looks = Mapping[str, str]


@dataclass(frozen=True)
class Axis:
    """The horizontal axis: where values stand, which are marked, how they are written and what they are."""

    scale: Scale
    ticks: Sequence[float]
    write: Callable[[float], str]
    title: str


def looks(summary: Summary) -> Looks:
    """The classes of every model, by rank: seven hues, then the same dashed, so that no two look alike."""
    names = [model["name"] for model in finished(summary["models"])]
    return {name: f"c{rank % HUES} d{rank // HUES % 3}" for rank, name in enumerate(names)}


def chart(title: str, description: str, across: Axis, up: Scale, marks: Sequence[Markup]) -> Markup:
    """The picture: marks within a frame, under a title; whoever cannot see it is told the description."""
    identity = "".join(letter if letter.isalnum() else "-" for letter in title.lower())
    image = {"viewBox": f"0 0 {WIDTH} {HEIGHT}", "role": "img", "aria-labelledby": f"{identity}-t {identity}-d"}
    clip = tag("clipPath", {"id": f"{identity}-c"}, tag("rect", {
        "x": LEFT, "y": TOP - 4, "width": across.scale.end - LEFT + 4, "height": BOTTOM - TOP + 8}))
    return tag("figure", {"class": "chart"}, tag("figcaption", None, title), tag(
        "svg", image, tag("title", {"id": f"{identity}-t"}, title), tag("desc", {"id": f"{identity}-d"}, description),
        tag("defs", None, clip), _frame(across, up), _inside(f"{identity}-c", marks)))


def text_width(text: str) -> float:
    """Pixels, at most, at the size of labels, which is larger on a phone."""
    return 7.4 * len(text)


def short(name: str) -> str:
    """A name that fits beside a chart; whole in tables and under the pointer."""
    return name if len(name) <= LONGEST else f"{name[:LONGEST - 1]}…"


def _inside(clip: str, marks: Sequence[Markup]) -> Markup:
    """Lines end at the frame; labels do not."""
    lines = [mark for mark in marks if mark.startswith("<path")]
    rest = [mark for mark in marks if not mark.startswith("<path")]
    return tag("g", None, tag("g", {"clip-path": f"url(#{clip})"}, *lines), *rest)


def _frame(across: Axis, up: Scale) -> Markup:
    end, parts = across.scale.end, []
    for value in linear_ticks(up.low, up.high):
        y = up(value)
        parts.append(tag("line", {"class": "grid", "x1": LEFT, "x2": end, "y1": y, "y2": y}))
        parts.append(tag("text", {"class": "tick", "x": LEFT - 6, "y": y + 4, "text-anchor": "end"}, f"{value:.4g}"))
    for value in across.ticks:
        x = across.scale(value)
        parts.append(tag("line", {"class": "mark", "x1": x, "x2": x, "y1": BOTTOM, "y2": BOTTOM + 4}))
        parts.append(_under(across.write(value), x, BOTTOM + 17))
    parts.append(tag("line", {"class": "axis", "x1": LEFT, "x2": end, "y1": BOTTOM, "y2": BOTTOM}))
    parts.append(_under(across.title, (LEFT + end) / 2, BOTTOM + 35))
    parts.append(tag("text", {"class": "tick", "x": 4, "y": 12}, "bits per byte, lower is better"))
    return tag("g", {"aria-hidden": "true"}, join(parts))


def _under(text: str, x: float, y: float) -> Markup:
    return tag("text", {"class": "tick", "x": x, "y": y, "text-anchor": "middle"}, text)
