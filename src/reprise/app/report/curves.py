"""Quality against compute: a line a model, a faint one for each other seed, baselines as horizontal lines."""
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from reprise.app.drawing.frame import BOTTOM, LEFT, TOP, Axis, Looks, chart
from reprise.app.drawing.labels import BESIDE, GAP, Place, beside_ends
from reprise.app.drawing.markup import Markup, number, tag
from reprise.app.drawing.scale import SECONDS, Scale, linear_ticks, log_ticks, spread_out
from reprise.app.findings import units
from reprise.app.findings.leaderboard import chosen_baselines
from reprise.app.findings.summary import Baseline, Model, Point, Summary

__all__ = ["BITS", "bits_axis", "compute_charts", "lines_of", "thinned"]

BITS = "bits per byte, lower is better"
LEAST_POINTS, MOST_POINTS, ALL_POINTS = 8, 60, 4000  # drawn: of a line, and of all lines together; nobody sees more
HEADROOM = 0.9  # of the distance between first and last result is shown above the last, so that lines have a past

Of = Callable[[Point], float]


@dataclass(frozen=True)
class _Line:
    """One seed's way down, and whether it is the one that stands for the model."""

    model: str
    points: list[Point]
    main: bool


@dataclass(frozen=True)
class _Chart:
    """What is across: its title, what it is of a point, how it is written and which values are worth a tick."""

    title: str
    across: str
    of: Of
    write: Callable[[float], str]
    ticks: Sequence[float] | None


def compute_charts(summary: Summary, look: Looks) -> Markup | None:
    """Bits per byte on the validation part against seconds and against tokens; None where nothing was recorded."""
    lines = [line for model in summary["models"] if model["name"] in look for line in lines_of(model)]
    if not lines:
        return None
    most = max(LEAST_POINTS, min(MOST_POINTS, ALL_POINTS // len(lines)))
    lines = [replace(line, points=thinned(line.points, most)) for line in lines]
    baselines = chosen_baselines(summary["baselines"])
    up = _vertical(lines, baselines)
    charts = [_Chart("Quality against time", "seconds of training", lambda p: p["seconds"], units.seconds, SECONDS),
              _Chart("Quality against text read", "bytes trained on", lambda p: p["tokens"], units.count, None)]
    return tag("div", {"class": "charts"}, *(_draw(kind, lines, baselines, up, look) for kind in charts))


def lines_of(model: Model) -> list[_Line]:
    """A line a seed; the one that ended in the middle stands for the model."""
    by_seed: dict[int, list[Point]] = {}
    for point in model.get("curve", ()):
        if point["bits_per_byte"] is not None:
            by_seed.setdefault(point["seed"], []).append(point)
    ways = sorted((way for way in by_seed.values() if len(way) > 1), key=lambda way: way[-1]["bits_per_byte"])
    return [_Line(model["name"], way, rank == (len(ways) - 1) // 2) for rank, way in enumerate(ways)]


def thinned(points: Sequence[Point], most: int) -> list[Point]:
    """At most so many, evenly, the first and the last among them."""
    if len(points) <= most:
        return list(points)
    return [points[round(place * (len(points) - 1) / (most - 1))] for place in range(most)]


def _vertical(lines: Sequence[_Line], baselines: Sequence[Baseline]) -> Scale:
    """From the best to a little above the last to finish: the first steep fall, alike for all, is cut off."""
    ends = [line.points[-1]["bits_per_byte"] for line in lines]
    levels = [b["bits_per_byte"] for b in baselines if b["bits_per_byte"] < max(ends) + 1]
    low, last = min(ends + levels), max(ends + levels)
    high = min(last + HEADROOM * max(last - low, 0.2), max(p["bits_per_byte"] for line in lines for p in line.points))
    room = 0.06 * max(high - low, 0.01)
    return Scale(low - room, max(high, last) + room, BOTTOM, TOP)


def _draw(kind: _Chart, lines: Sequence[_Line], baselines: Sequence[Baseline], up: Scale, look: Looks) -> Markup:
    axis = _horizontal(kind, lines, up)
    main = [line for line in lines if line.main]
    told = ", ".join(f"{line.model} {line.points[-1]['bits_per_byte']:.3f}" for line in main)
    shown = [baseline for baseline in baselines if up.holds(baseline["bits_per_byte"])]
    paths = [_path(line, kind.of, axis, up, look) for line in sorted(lines, key=lambda line: line.main)]
    return chart(kind.title, f"Bits per byte on the validation part, a line a model. At the end: {told}.", axis,
                 bits_axis(up), _levels(shown, axis, up) + paths + _ends(main, kind.of, axis, up, look))


def bits_axis(up: Scale) -> Axis:
    return Axis(up, linear_ticks(up.low, up.high), "{:.4g}".format, BITS)


def _horizontal(kind: _Chart, lines: Sequence[_Line], up: Scale) -> Axis:
    """From just before the first line comes into the picture."""
    early = [kind.of(before) for line in lines for before, point in pairwise(line.points)
             if point["bits_per_byte"] <= up.high and kind.of(before) > 0]
    most = max(kind.of(line.points[-1]) for line in lines)
    scale = Scale(min(early, default=most / 2), most, LEFT, BESIDE, log=True)
    return Axis(scale, log_ticks(scale.low, scale.high, kind.ticks), kind.write, kind.across)


def _path(line: _Line, of: Of, axis: Axis, up: Scale, look: Looks) -> Markup:
    places = [f"{number(axis.scale(of(p)))} {number(up(p['bits_per_byte']))}" for p in line.points if of(p) > 0]
    last = line.points[-1]
    told = f"{line.model}, seed {last['seed']}: {last['bits_per_byte']:.3f} after {units.seconds(last['seconds'])}"
    kind = "line" if line.main else "line seed"
    return tag("path", {"class": f"{kind} {look[line.model]}", "d": "M" + "L".join(places)}, tag("title", None, told))


def _ends(main: Sequence[_Line], of: Of, axis: Axis, up: Scale, look: Looks) -> list[Markup]:
    """The names, the best model's first."""
    fit = sorted(main, key=lambda line: line.points[-1]["bits_per_byte"])
    return beside_ends([Place(line.model, look[line.model], axis.scale(of(line.points[-1])),
                              up(line.points[-1]["bits_per_byte"])) for line in fit])


def _levels(baselines: Sequence[Baseline], axis: Axis, up: Scale) -> list[Markup]:
    heights = [up(baseline["bits_per_byte"]) for baseline in baselines]
    marks = []
    for baseline, y, place in zip(baselines, heights, spread_out([y - 5 for y in heights], GAP, TOP, BOTTOM)):
        told = tag("title", None, f"{baseline['name']}: {baseline['bits_per_byte']:.3f} ({baseline['why']})")
        marks.append(tag("path", {"class": "level", "d": f"M{LEFT} {number(y)}H{number(axis.scale.end)}"}, told))
        marks.append(tag("text", {"class": "name base", "x": LEFT + 4, "y": place}, baseline["name"]))
    return marks
