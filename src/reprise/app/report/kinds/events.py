"""What a report says of logs of events: how many there are, accuracy along a case, a case as the best model saw it."""
import shlex
from collections.abc import Iterable
from typing import Any

from reprise.app.drawing.figures import curve
from reprise.app.drawing.markup import Markup, join, tag
from reprise.app.drawing.page import scrolled, table
from reprise.app.findings import units
from reprise.app.findings.chance import finished
from reprise.app.findings.leaderboard import chosen_baselines
from reprise.app.findings.measure import Measure
from reprise.app.findings.summary import Summary
from reprise.lab import figures
from reprise.lab.figures import Point

__all__ = ["facts", "sections", "size", "use"]

LINES, BASELINES = 7, 2  # of the picture: models, and baselines among them
FEW = 10  # events in a group of places, too few for a point
READ = "case", "time", "activity", "attributes", "delimiter", "decimal", "encoding", "time_format"  # options of a log
PLACES = ("The share of events that were the likeliest by the model, by how many came before them in their case, for "
          "the best models and, dashed in the board's grey, baselines.")


def size(card: dict[str, Any]) -> str | None:
    return f"{units.count(card.get('cases'))} cases, {units.count(card.get('events'))} events"


def facts(card: dict[str, Any]) -> list[tuple[object, object]]:
    lengths = card["lengths"]
    pairs: list[tuple[object, object]] = [
        ("size", size(card)), ("kinds of event", units.count(card["kinds"])),
        ("events a case", f"{lengths['least']:,} to {lengths['most']:,}, median {lengths['median']:g}")]
    if card.get("gaps"):
        unit = f" {card['unit']}" if card.get("unit") else ""
        pairs.append(("median gap", f"{card['gaps']['median']:.4g}{unit}"))
    if card.get("attributes"):
        pairs.append(("attributes", ", ".join(card["attributes"])))
    pairs += [(f"{part} part", f"{units.count(cases)} cases, {units.count(events)} events")
              for part, (cases, events) in card.get("parts", {}).items()]
    if card.get("split"):
        pairs.append(("split", card["split"]))
    return [*pairs, *((f"note {place}", note) for place, note in enumerate(card.get("notes", ()), 1))]


def sections(summary: Summary) -> Iterable[tuple[str, str, Markup | None]]:
    return [("Accuracy along a case", PLACES, _by_place(summary)), ("A case, event by event", "", _case(summary))]


def use(summary: Summary, model: str, path: str) -> tuple[str, str]:
    """The command reads what was compared; another log of the same form may stand in its place."""
    settings = summary["settings"]
    asked = [f"--{name.replace('_', '-')} {shlex.quote(_asked(settings[name]))}" for name in READ if name in settings]
    return f"let {model} find what is unusual", " ".join(
        ["reprise anomalies", path, shlex.quote(str(settings.get("data", "FILE"))), *asked])


def _asked(value: object) -> str:
    """As it was written on the command line."""
    if value is False:
        return "none"
    return value if isinstance(value, str) else ",".join(map(str, value))


def _by_place(summary: Summary) -> Markup | None:
    best = [*finished(summary["models"], Measure.of(summary["measure"]))[: LINES - BASELINES],
            *chosen_baselines(summary)[:BASELINES]]
    shown = [Point(scored["name"], first, accuracy, accuracy, accuracy) for scored in best
             for first, events, _, accuracy in (scored.get("detail") or {}).get("by_place", ()) if events >= FEW]
    if len({point.across for point in shown}) < 2:
        return None
    figure = figures.curve("events before", "accuracy", by="model")
    return tag("div", {"class": "charts"}, curve("Accuracy by place in the case", figure, shown))


def _case(summary: Summary) -> Markup | None:
    """What came, and what the best model expected."""
    shown = summary.get("shown")
    if not (shown and shown.get("events")):
        return None
    told = (f"Case {shown['case']} of the test part, as {shown['model']} saw it: what came, the kind it held likeliest "
            "before, and the chance that it gave to what came.")
    lines = [[(came, None), (expected, None), (f"{chance:.3f}", None)] for came, expected, chance in shown["events"]]
    rows = table([("event", None), ("expected", None), ("chance", None)], lines)
    return join([tag("p", None, told), scrolled("A case", rows)])
