"""The report: one file of HTML that needs no network and no script."""
import json
from collections.abc import Sequence
from pathlib import Path

from reprise.app.drawing.frame import Looks, look
from reprise.app.drawing.markup import Markup, tag
from reprise.app.drawing.page import folded, page, section
from reprise.app.findings import units
from reprise.app.findings.chance import finished
from reprise.app.findings.measure import Measure
from reprise.app.findings.summary import Model, Point, Summary
from reprise.app.report import sections
from reprise.app.report.curves import compute_charts, thinned
from reprise.app.report.kinds import KINDS
from reprise.app.report.scatter import running_charts
from reprise.app.report.tables import compute_table, leaderboard, pair_table
from reprise.core.files import atomic_write

__all__ = ["render_report", "write_report"]

EMBEDDED = 2000  # points of all curves together that the file carries along; compare.json has every one


def write_report(summary: Summary, path: str | Path) -> None:
    """Writes the report whole or not at all."""
    atomic_write(path, render_report(summary).encode())


def render_report(summary: Summary) -> str:
    """The page, under 500 kB whatever was compared; everything that came from outside is escaped."""
    title = f"Which recurrent model for {summary['data'].get('name', 'these data')}?"
    measure, kind, models = Measure.of(summary["measure"]), KINDS[summary["kind"]], looks(summary)
    on_test = f"{measure.heading} on the test part"
    parts = [
        tag("header", None, tag("p", {"class": "kicker"}, "reprise compare"), tag("h1", None, title),
            tag("p", {"class": "verdict"}, summary["verdict"].replace("-gram", "\u2011gram")),
            tag("p", {"class": "meta"}, _meta(summary))),
        section("Leaderboard", BOARD.format(on_test, measure.less), leaderboard(summary, models) if models else None,
                 folded("Who is better than whom", PAIRS, pair_table(summary))),
        section("Quality against compute", CURVES.format(measure.heading), compute_charts(summary, models),
                 folded("The same in numbers", "", compute_table(summary, models))),
        section("Quality against what it costs to run", RUNNING.format(on_test), running_charts(summary, models)),
        *(section(title, about, *content) for title, about, *content in kind.sections(summary)),
        section("What failed", "", sections.failures(summary)),
        section("The data", "", sections.data_card(summary)),
        section("The baselines", BASELINES, sections.baselines(summary)),
        section("Where to go next", "", sections.next_steps(summary)),
        section("How this was made", "", sections.how_made(summary)),
    ]
    return page(title, tag("main", None, *parts), _embedded(summary))


def looks(summary: Summary) -> Looks:
    """The classes of every model, by rank."""
    order = finished(summary["models"], Measure.of(summary["measure"]))
    return {model["name"]: look(rank) for rank, model in enumerate(order)}


BOARD = ("{}, which no model has seen; {} is better. The dots are seeds, the line their range. In grey: what needs no "
         "gradient.")
PAIRS = "The chance that the model of the row is better than the model of the column, as far as seeds tell."
CURVES = ("{} on the validation part while training. Bold: the seed that ended in the middle; faint: the "
          "others. Dashed grey: baselines. Where lines cross, the answer depends on the budget.")
RUNNING = ("{}, with the range over seeds. The grey steps join the models that none beats "
           "in both.")
BASELINES = "What was learnt from the training part without a gradient, and measured on the test part."


def _meta(summary: Summary) -> str:
    settings, data = summary["settings"], summary["data"]
    seeds = settings.get("seeds")
    many = seeds if isinstance(seeds, int) else len(seeds or ())
    budget = settings.get("budget_seconds")
    parts = [f"{len(summary['models'])} models", f"{many} seed{'s' if many != 1 else ''}" if many else None,
             f"{units.seconds(budget)} of training each" if budget else None,
             KINDS[summary["kind"]].size(data), str(summary.get("started", ""))[:10]]
    return " · ".join(part for part in parts if part)


def _embedded(summary: Summary) -> Markup:
    """The summary for programs, its curves thinned; `<` is written so that no text in it can end the element."""
    count = sum(len({point["seed"] for point in model.get("curve", ())}) for model in summary["models"])
    most = max(8, EMBEDDED // max(count, 1))
    digits = Measure.of(summary["measure"]).digits + 1
    slim = summary | {"models": [model | {"curve": _slim(model, most, digits)} for model in summary["models"]]}
    text = json.dumps(slim, separators=(",", ":"))
    for letter in "<>&":  # in JSON only within strings
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return tag("script", {"type": "application/json", "id": "summary"}, Markup(text))


def _slim(model: Model, most: int, digits: int) -> Sequence[Point]:
    seeds: dict[int, list[Point]] = {}
    for point in model.get("curve", ()):
        seeds.setdefault(point["seed"], []).append(point | {
            "seconds": round(point["seconds"], 2), "score": round(point["score"], digits)})
    return [point for points in seeds.values() for point in thinned(points, most)]
