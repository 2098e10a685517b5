"""The page of one study: what was claimed and what came out, first; how, after it."""
import re
from collections.abc import Sequence
from typing import Any

from reprise.app.drawing.figures import draw
from reprise.app.drawing.markup import Markup, join, tag
from reprise.app.drawing.page import Cell, folded, listing, page, scrolled, section, table
from reprise.app.findings import units
from reprise.app.site.papers import Paper, counted
from reprise.lab.claims import Verdict
from reprise.lab.run import Run
from reprise.lab.table import Table

__all__ = ["linked", "study_page"]

PAPER = re.compile(r"arXiv:(\d{4}\.\d{4,5})")
VERDICTS = ("An interval is of the median over seeds (percentile bootstrap; with three, all their range). "
            "A claim holds where all of it is on the claimed side of the margin, fails where none of it is, and is "
            "unclear else.")
FIGURES = "Medians over seeds. What is pale around a line, or thin across a bar or point, is their range."
OTHERS = ("The same claims with other seeds (first_seed) or where somebody changed settings; the verdict above is not "
          "theirs.")


def study_page(runs: Sequence[Run], others: Sequence[dict[str, str]], papers: Sequence[Paper]) -> str:
    """runs: one a tier, the first the one that counts.   others: verdicts with other settings."""
    study = runs[0].study
    run = [found for found in runs if len(found.table())]
    parts = [
        tag("header", None, tag("p", {"class": "kicker"}, tag("a", {"href": "../../index.html"}, "All studies")),
            tag("h1", None, study.summary), tag("p", {"class": "verdict"}, study.about["Claim"]),
            tag("p", {"class": "meta"}, f"{study.place} · {counted(v.verdict for v in run[0].verdicts())}"
                if run else f"not run yet: reprise study run {study.name}")),
        *(part for found in run for part in _results(found)),
        section("With other seeds and settings", OTHERS, _others(others, runs[0]) if others else None),
        section("The paper", "", tag("p", None, linked(study.about["Paper"])), _papers(papers)),
        section("What was done", "", listing([(name, study.about[name]) for name in ("Here", "Not here")])),
        *(_made(found) for found in run or runs[:1]),
        section("Source", "", tag("p", {"class": "note"}, tag("code", None, f"src/reprise/studies/{study.place}.py")),
                folded("The whole study", "", tag("pre", None, tag("code", None, study.source)))),
    ]
    return page(f"{study.name}: {study.summary}", tag("main", None, *parts))


def _results(run: Run) -> list[Markup | None]:
    rows, note = run.table(), "" if run.study.tier == "small" else f" ({run.study.tier} tier)"
    cells = len(run.study.cells())
    lacking = "" if len(rows) == cells else f" Of {cells} cells, {cells - len(rows)} are not measured."
    pictures = [drawn for figure in run.study.figures for drawn in draw(figure, rows, note)]
    shown = run.study.shown
    return [
        section(f"Verdicts{note}", VERDICTS + lacking, _verdicts(run.verdicts())),
        section(f"Figures{note}", FIGURES, tag("div", {"class": "charts"}, *pictures) if pictures else None),
        section(f"Table{note}", f"{shown[2]}: median over seeds." if shown else "",
                _medians(rows, *shown) if shown else None),
    ]


def _verdicts(verdicts: Sequence[Verdict]) -> Markup:
    titles = [("claim", "words"), ("verdict", None), ("estimate", None), ("interval", None), ("margin", None),
              ("seeds", None), ("why", "words")]
    return scrolled("Verdicts", table(titles, [
        line for verdict in verdicts
        for line in (_verdict(verdict, "words"), *(_verdict(part, "words part") for part in verdict.parts))]))


def _verdict(verdict: Verdict, kind: str) -> list[Cell]:
    return [(verdict.text, kind), (coloured(verdict.verdict), None), (_short(verdict.estimate), None),
            (_interval(verdict.low, verdict.high), None), (_short(verdict.margin), None), (verdict.seeds, None),
            (verdict.why if not verdict.parts else "", "words")]


def _others(rows: Sequence[dict[str, str]], usual: Run) -> Markup:
    titles = [("claim", "words"), ("settings", None), ("verdict", None), ("as above", None), ("estimate", None),
              ("interval", None)]
    above = {verdict.text: verdict.verdict for verdict in usual.verdicts()}
    return scrolled("Verdicts with other seeds and settings", table(titles, [[
        (row["claim"], "words"), (row["settings"], None), (coloured(row["verdict"]), None),
        ("yes" if above.get(row["claim"]) == row["verdict"] else "no", None), (row["estimate"] or units.UNKNOWN, None),
        (f"{row['low']} to {row['high']}" if row["low"] else units.UNKNOWN, None)] for row in rows]))


def _medians(rows: Table, down: str, across: str, column: str) -> Markup:
    names = rows.values(across)
    lines: list[list[Cell]] = [[(name, None), *((_short(rows.median(column, **{down: name, across: other})), None)
                                                for other in names)] for name in rows.values(down)]
    return scrolled("Table", table([(down, None), *((name, None) for name in names)], lines))


def _papers(papers: Sequence[Paper]) -> Markup | None:
    if not papers:
        return None
    return tag("ul", None, *(tag("li", None, linked(f"{paper['title']} (arXiv:{paper['arxiv']})" if paper["arxiv"]
                                                     else paper["title"])) for paper in papers))


def _made(run: Run) -> Markup | None:
    """The settings, what ran it, and where."""
    study, rows = run.study, run.table()
    settings = [(name, _listed(value)) for name, value in vars(study.config).items()]
    note = "" if study.tier == "small" else f" ({study.tier} tier)"
    spent = [("computing", units.seconds(sum(row["seconds"] for row in rows)))] if len(rows) else []
    places = [listing([*spent, *environment.items()]) for environment in run.described()]
    command = " ".join(["reprise study run", study.name, *([f"--tier {study.tier}"] if note else [])])
    return join([section(f"Settings{note}", "", listing(settings), tag("p", {"class": "note"}, "Again: ",
                         tag("code", None, command))),
                 section(f"Environment{note}", "", *places) or ""])


def linked(text: str) -> Markup:
    """The papers it names by arXiv number as links."""
    parts = PAPER.split(text)
    return join(tag("a", {"href": f"https://arxiv.org/abs/{part}"}, f"arXiv:{part}") if place % 2 else part
                for place, part in enumerate(parts))


def coloured(verdict: str) -> Markup:
    return tag("span", {"class": verdict}, verdict)


def _interval(low: float | None, high: float | None) -> str:
    return units.UNKNOWN if low is None else f"{_short(low)} to {_short(high)}"


def _short(value: Any) -> str:
    return units.UNKNOWN if value is None or value != value else f"{value:.3g}"  # NaN is not itself


def _listed(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
