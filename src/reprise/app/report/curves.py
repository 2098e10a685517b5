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
from reprise.app.findings.measure import Measure
from reprise.app.findings.summary import Baseline, Model, Point, Summary

__all__ = ["Line", "compute_charts", "lines_of", "score_axis", "thinned"]

LEAST_POINTS, MOST_POINTS, ALL_POINTS = 8, 60, 4000  # drawn: of a line, and of all lines together; nobody sees more
FAR, NEAR, NEAREST = 1000, 200, 10  # times the least difference: baselines left out beyond, least heights of a picture
LEVELS = 6  # baselines that are drawn, the best
HEADROOM = 0.9  # of the distance between first and last result is shown above the last, so that lines have a past

Of = Callable[[Point], float]


@dataclass(frozen=True)
class Line:
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
    measure: Measure  # what is up, and where it stands
    up: Scale


def compute_charts(summary: Summary, look: Looks) -> Markup | None:
    """The score on the validation part against seconds and against what was read; None where nothing was recorded."""
    measure, unit = Measure.of(summary["measure"]), summary["unit"]
    lines = [line for model in summary["models"] if model["name"] in look for line in lines_of(model, measure)]
    if not lines:
        return None
    most = max(LEAST_POINTS, min(MOST_POINTS, ALL_POINTS // len(lines)))
    lines = [replace(line, points=thinned(line.points, most)) for line in lines]
    baselines = chosen_baselines(summary)[:LEVELS]
    up = measure, _vertical(lines, baselines, measure)
    charts = [
        _Chart("Quality against time", "seconds of training", lambda p: p["seconds"], units.seconds, SECONDS, *up),
        _Chart("Quality against data read", f"{unit}s trained on", lambda p: p["units"], units.count, None, *up)]
    return tag("div", {"class": "charts"}, *(_draw(kind, lines, baselines, look) for kind in charts))


def lines_of(model: Model, measure: Measure) -> list[Line]:
    """A line a seed; the one that ended in the middle stands for the model."""
    by_seed: dict[int, list[Point]] = {}
    for point in model.get("curve", ()):
        if point["score"] is not None:
            by_seed.setdefault(point["seed"], []).append(point)
    ways = sorted((way for way in by_seed.values() if len(way) > 1), key=lambda way: measure.cost(way[-1]["score"]))
    return [Line(model["name"], way, rank == (len(ways) - 1) // 2) for rank, way in enumerate(ways)]


def thinned(points: Sequence[Point], most: int) -> list[Point]:
    """At most so many, evenly, the first and the last among them."""
    if len(points) <= most:
        return list(points)
    return [points[round(place * (len(points) - 1) / (most - 1))] for place in range(most)]


def _vertical(lines: Sequence[Line], baselines: Sequence[Baseline], measure: Measure) -> Scale:
    """From the best to a little beyond the last to finish: the first steep way, alike for all, is cut off."""
    ends = [measure.cost(line.points[-1]["score"]) for line in lines]
    costs = [measure.cost(_level(baseline)) for baseline in baselines]
    levels = [cost for cost in costs if cost < max(ends) + FAR * measure.least]
    best, last = min(ends + levels), max(ends + levels)
    worst = max(measure.cost(point["score"]) for line in lines for point in line.points)
    beyond = min(last + HEADROOM * max(last - best, NEAR * measure.least), worst)
    room = 0.06 * max(beyond - best, NEAREST * measure.least)
    low, high = sorted(map(measure.cost, (best - room, max(beyond, last) + room)))
    return Scale(low, high, BOTTOM, TOP)


def _draw(kind: _Chart, lines: Sequence[Line], baselines: Sequence[Baseline], look: Looks) -> Markup:
    axis, write = _horizontal(kind, lines), kind.measure.write
    main = [line for line in lines if line.main]
    told = ", ".join(f"{line.model} {write(line.points[-1]['score'])}" for line in main)
    shown = [baseline for baseline in baselines if kind.up.holds(_level(baseline))]
    paths = [_path(line, kind, axis, look) for line in sorted(lines, key=lambda line: line.main)]
    said = f"{kind.measure.heading} on the validation part, a line a model. At the end: {told}."
    return chart(kind.title, said, axis, score_axis(kind.up, kind.measure),
                 _levels(shown, axis, kind) + paths + _ends(main, kind, axis, look))


def score_axis(up: Scale, measure: Measure) -> Axis:
    return Axis(up, linear_ticks(up.low, up.high), "{:.4g}".format, measure.better)


def _horizontal(kind: _Chart, lines: Sequence[Line]) -> Axis:
    """From just before the first line comes into the picture."""
    edge = max(map(kind.measure.cost, (kind.up.low, kind.up.high)))
    early = [kind.of(before) for line in lines for before, point in pairwise(line.points)
             if kind.measure.cost(point["score"]) <= edge and kind.of(before) > 0]
    most = max(kind.of(line.points[-1]) for line in lines)
    scale = Scale(min(early, default=most / 2), most, LEFT, BESIDE, log=True)
    return Axis(scale, log_ticks(scale.low, scale.high, kind.ticks), kind.write, kind.across)


def _path(line: Line, kind: _Chart, axis: Axis, look: Looks) -> Markup:
    places = [f"{number(axis.scale(x))} {number(kind.up(p['score']))}" for p in line.points if (x := kind.of(p)) > 0]
    last = line.points[-1]
    told = (f"{line.model}, seed {last['seed']}: {kind.measure.write(last['score'])} "
            f"after {units.seconds(last['seconds'])}")
    weight = "line" if line.main else "line seed"
    return tag("path", {"class": f"{weight} {look[line.model]}", "d": "M" + "L".join(places)}, tag("title", None, told))


def _ends(main: Sequence[Line], kind: _Chart, axis: Axis, look: Looks) -> list[Markup]:
    """The names, the best model's first."""
    fit = sorted(main, key=lambda line: kind.measure.cost(line.points[-1]["score"]))
    return beside_ends([Place(line.model, look[line.model], axis.scale(kind.of(line.points[-1])),
                              kind.up(line.points[-1]["score"])) for line in fit])


def _level(baseline: Baseline) -> float:
    """Where it stands beside the curves, which are of the validation part."""
    valid = baseline.get("valid")
    return baseline["score"] if valid is None else valid


def _levels(baselines: Sequence[Baseline], axis: Axis, kind: _Chart) -> list[Markup]:
    heights = [kind.up(_level(baseline)) for baseline in baselines]
    marks = []
    for baseline, y, place in zip(baselines, heights, spread_out([y - 5 for y in heights], GAP, TOP, BOTTOM)):
        told = f"{baseline['name']}: {kind.measure.write(_level(baseline))} ({baseline['why']})"
        way = {"class": "level", "d": f"M{LEFT} {number(y)}H{number(axis.scale.end)}"}
        marks.append(tag("path", way, tag("title", None, told)))
        marks.append(tag("text", {"class": "name base", "x": LEFT + 4, "y": place}, baseline["name"]))
    return marks
