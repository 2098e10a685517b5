"""The report: one file of HTML that needs no network and no script."""
import json
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from reprise.app.findings import units
from reprise.app.findings.summary import Model, Point, Summary
from reprise.app.report import sections
from reprise.app.report.curves import compute_charts, thinned
from reprise.app.report.frame import looks
from reprise.app.report.markup import Markup, tag
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
    title = f"Which recurrent model for {summary['data'].get('name', 'this text')}?"
    look = looks(summary)
    parts = [
        tag("header", None, tag("p", {"class": "kicker"}, "reprise compare"), tag("h1", None, title),
            tag("p", {"class": "verdict"}, summary["verdict"].replace("-gram", "\u2011gram")),
            tag("p", {"class": "meta"}, _meta(summary))),
        _section("Leaderboard", BOARD, leaderboard(summary, look) if look else None,
                 _folded("Who is better than whom", PAIRS, pair_table(summary))),
        _section("Quality against compute", CURVES, compute_charts(summary, look),
                 _folded("The same in numbers", "", compute_table(summary, look))),
        _section("Quality against what it costs to run", RUNNING, running_charts(summary, look)),
        _section("A sample", "", sections.sample(summary)),
        _section("What failed", "", sections.failures(summary)),
        _section("The data", "", sections.data_card(summary)),
        _section("The baselines", BASELINES, sections.baselines(summary)),
        _section("Where to go next", "", sections.next_steps(summary)),
        _section("How this was made", "", sections.how_made(summary)),
    ]
    head = tag("head", None, tag("meta", {"charset": "utf-8"}), tag("title", None, title),
               tag("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}),
               tag("meta", {"name": "color-scheme", "content": "light dark"}),
               tag("link", {"rel": "icon", "href": "data:,"}), tag("style", None, Markup(_style())))
    body = tag("body", None, tag("main", None, *parts), _embedded(summary))
    return "<!doctype html>\n" + tag("html", {"lang": "en"}, head, body) + "\n"


BOARD = ("Bits per byte on the test part, which no model has seen; less is better. The dots are seeds, the line their "
         "range. In grey: what needs no gradient.")
PAIRS = "The chance that the model of the row is better than the model of the column, as far as seeds tell."
CURVES = ("Bits per byte on the validation part while training. Bold: the seed that ended in the middle; faint: the "
          "others. Dashed grey: baselines. Where lines cross, the answer depends on the budget.")
RUNNING = ("Bits per byte on the test part, with the range over seeds. The grey steps join the models that none beats "
           "in both.")
BASELINES = "What was learnt from the training part without a gradient, and measured on the test part."


def _section(title: str, about: str, *content: Markup | None) -> Markup | None:
    """Nothing where there is nothing to show."""
    shown = [part for part in content if part]
    if not shown:
        return None
    return tag("section", None, tag("h2", None, title), _note(about), *shown)


def _folded(title: str, about: str, content: Markup | None) -> Markup | None:
    if not content:
        return None
    return tag("details", None, tag("summary", None, title), _note(about), content)


def _note(about: str) -> Markup | None:
    return tag("p", {"class": "note"}, about) if about else None


def _meta(summary: Summary) -> str:
    settings, data = summary["settings"], summary["data"]
    seeds = settings.get("seeds")
    many = seeds if isinstance(seeds, int) else len(seeds or ())
    budget = settings.get("budget_seconds")
    parts = [f"{len(summary['models'])} models", f"{many} seed{'s' if many != 1 else ''}" if many else None,
             f"{units.seconds(budget)} of training each" if budget else None,
             units.size(data.get("bytes")), str(summary.get("started", ""))[:10]]
    return " · ".join(part for part in parts if part)


def _style() -> str:
    lines = files("reprise.app.report").joinpath("style.css").read_text(encoding="utf-8").splitlines()
    return "\n".join(line.strip() for line in lines)


def _embedded(summary: Summary) -> Markup:
    """The summary for programs, its curves thinned; `<` is written so that no text in it can end the element."""
    count = sum(len({point["seed"] for point in model.get("curve", ())}) for model in summary["models"])
    most = max(8, EMBEDDED // max(count, 1))
    slim = summary | {"models": [model | {"curve": _slim(model, most)} for model in summary["models"]]}
    text = json.dumps(slim, separators=(",", ":"))
    for letter in "<>&":  # in JSON only within strings
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return tag("script", {"type": "application/json", "id": "summary"}, Markup(text))


def _slim(model: Model, most: int) -> Sequence[Point]:
    seeds: dict[int, list[Point]] = {}
    for point in model.get("curve", ()):
        seeds.setdefault(point["seed"], []).append(point | {
            "seconds": round(point["seconds"], 2), "bits_per_byte": round(point["bits_per_byte"], 4)})
    return [point for points in seeds.values() for point in thinned(points, most)]
