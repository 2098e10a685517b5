"""Quality against what a model costs to run: a point a model, its range over seeds, and its name where it fits."""
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from reprise.app.drawing.frame import BOTTOM, LEFT, TOP, WIDTH, Axis, Looks, chart
from reprise.app.drawing.labels import RADIUS, Place, around_points
from reprise.app.drawing.markup import Markup, number, tag
from reprise.app.drawing.scale import Scale, log_ticks
from reprise.app.findings import units
from reprise.app.findings.chance import finished
from reprise.app.findings.leaderboard import interval
from reprise.app.findings.measure import Measure
from reprise.app.findings.summary import Model, Summary
from reprise.app.report.curves import score_axis

__all__ = ["running_charts"]

RIGHT = WIDTH - 14

Cost = Callable[[Model], float | None]


@dataclass(frozen=True)
class _Kind:
    """A chart: its title, the cost across, how that is written, and whether less of it is better."""

    title: str
    across: str
    of: Cost
    write: Callable[[float], str]
    less: bool
    measure: Measure


def _kinds(unit: str, measure: Measure) -> tuple[_Kind, ...]:
    return (
        _Kind("Quality against streaming speed", f"{unit}s per second, one at a time: right is faster",
              lambda m: m.get("stream_units_per_second"), units.rate, False, measure),
        _Kind("Quality against memory carried", f"state from {unit} to {unit}: left is smaller",
              lambda m: m.get("state_bytes"), units.size, True, measure),
    )


def running_charts(summary: Summary, look: Looks) -> Markup | None:
    """The score on the test part against streaming speed and against state size; None where neither is known."""
    measure = Measure.of(summary["measure"])
    models, kinds = finished(summary["models"], measure), _kinds(summary["unit"], measure)
    known = [(kind, [model for model in models if kind.of(model) is not None]) for kind in kinds]
    charts = [_chart(kind, having, look) for kind, having in known if having]
    return tag("div", {"class": "charts"}, *charts) if charts else None


def _chart(kind: _Kind, models: Sequence[Model], look: Looks) -> Markup:
    measure = kind.measure
    costs = [max(kind.of(model), 1e-9 if not kind.less else 1) for model in models]
    ends = [value for model in models for value in model["score"]["values"]]
    room = 0.12 * max(max(ends) - min(ends), 10 * measure.least)
    up = Scale(min(ends) - room, max(ends) + room, BOTTOM, TOP)
    across = Scale(min(costs) / 1.4, max(costs) * 1.4, LEFT, RIGHT, log=True)
    axis = Axis(across, log_ticks(across.low, across.high), kind.write, kind.across)
    places = [(across(cost), up(model["score"]["median"])) for model, cost in zip(models, costs)]
    marks = [_frontier(places, kind)]
    marks += [_point(model, place, up, kind, look) for model, place in zip(models, places)]
    names = [Place(model["name"], look[model["name"]], *place) for model, place in zip(models, places)]
    told = "; ".join(f"{m['name']} {kind.write(kind.of(m))}, {measure.write(m['score']['median'])}" for m in models)
    return chart(kind.title, f"{measure.heading} on the test part, a point a model: {told}.", axis,
                 score_axis(up, measure), marks + around_points(names))


def _frontier(places: Sequence[tuple[float, float]], kind: _Kind) -> Markup:
    """Steps through the models that none beats in both."""
    corner, steps = None, []
    towards = -1 if kind.measure.higher else 1  # further down the picture is better, where less is
    for x, y in sorted(places, key=lambda place: (place[0] if kind.less else -place[0], -towards * place[1])):
        if corner is None or towards * y > towards * corner:
            steps.append(f"H{number(x)}V{number(y)}" if steps else f"M{number(x)} {number(y)}")
            corner = y
    told = tag("title", None, "No model is better than these in both")
    return tag("path", {"class": "frontier", "d": "".join(steps)}, told)


def _point(model: Model, place: tuple[float, float], up: Scale, kind: _Kind, look: Looks) -> Markup:
    (x, y), measure, found = place, kind.measure, model["score"]
    told = f"{model['name']}: {measure.write(found['median'])} {measure.words}, {kind.write(kind.of(model))}"
    whisker = None
    if found["low"] is not None and found["high"] is not None:
        whisker = tag("line", {"class": "whisker", "x1": x, "x2": x, "y1": up(found["low"]), "y2": up(found["high"])})
        told += f" ({interval(found, measure)} over seeds)"
    circle = tag("circle", {"cx": x, "cy": y, "r": RADIUS})
    return tag("g", {"class": f"point {look[model['name']]}"}, tag("title", None, told), whisker, circle)
