"""Tables: the leaderboard with its small pictures, quality after equal compute, who is better than whom."""
from collections.abc import Sequence

from reprise.app.drawing.frame import Looks
from reprise.app.drawing.markup import Markup, tag
from reprise.app.drawing.page import scrolled, table
from reprise.app.drawing.scale import Scale
from reprise.app.findings import units
from reprise.app.findings.leaderboard import Column, Row, columns, interval, rows
from reprise.app.findings.measure import Measure
from reprise.app.findings.summary import Summary
from reprise.app.report.curves import Line, lines_of

__all__ = ["compute_table", "leaderboard", "pair_table"]

MOST_PAIRED = 20  # models, the best ones, that are set against each other
STRIP, MIDDLE = 120, 9  # pixels: the width of a small picture, and where its line runs
BESIDE, ABOVE, BELOW = "M0 -5V5", "M-3 -4L2 0L-3 4", "M3 -4L-2 0L3 4"  # a stroke, or an arrow to what is off the scale


def leaderboard(summary: Summary, look: Looks) -> Markup:
    """Every model that finished, and in grey the baselines it had to beat, best first."""
    ranked, measure, costs = rows(summary), Measure.of(summary["measure"]), columns(summary["unit"])
    scale = _strip_scale(ranked, measure)
    titles = [("", None), ("model", None),
              (measure.words, f"median over seeds, test part; {measure.less} is better"), ("each seed", None),
              *((other["title"], other["about"] or other["words"]) for other in summary.get("further", ())),
              ("best?", "the chance that it is the best of these models"),
              *((column.title, column.about) for column in costs)]
    head = tag("tr", None, *(tag("th", {"scope": "col", "title": about}, title) for title, about in titles))
    body, rank = [], 0
    for row in ranked:
        rank += row.model is not None
        body.append(_line(row, rank, measure, costs, scale, look))
    board = tag("table", {"class": "board"}, tag("thead", None, head), tag("tbody", None, *body))
    return scrolled("Leaderboard", board)


def _line(row: Row, rank: int, measure: Measure, costs: Sequence[Column], scale: Scale, look: Looks) -> Markup:
    name = tag("th", {"scope": "row", "title": row.about or None}, tag("span", {
        "class": f"dot {look[row.name]}", "aria-hidden": "true"}) if row.model else None, row.name)
    cells = [tag("td", {"class": "rank"}, str(rank) if row.model else ""), name,
             tag("td", {"class": "main"}, measure.write(row.score["median"])),
             tag("td", None, _strip(row, measure, scale, look)), *(tag("td", None, text) for text in row.further)]
    if row.model:
        texts = [units.chance(row.best), *(column.cell(row.model) for column in costs)]
        return tag("tr", None, *cells, *(tag("td", None, text) for text in texts))
    return tag("tr", {"class": "base"}, *cells, tag("td", {"class": "about", "colspan": 1 + len(costs)}, row.about))


def _strip_scale(ranked: Sequence[Row], measure: Measure) -> Scale:
    """Over all seeds of all models; baselines beyond stand at the edge."""
    values = [value for row in ranked for value in row.score["values"]]
    return Scale(min(values), max(*values, min(values) + 10 * measure.least), 8, STRIP - 8)


def _strip(row: Row, measure: Measure, scale: Scale, look: Looks) -> Markup:
    score, ends = row.score, interval(row.score, measure)
    told = measure.write(score["median"]) + (f", {ends} over seeds" if ends else "")
    if row.model is None:
        x = min(max(scale(score["median"]), 4.0), STRIP - 4.0)
        shape = BESIDE if scale.holds(score["median"]) else ABOVE if score["median"] > scale.high else BELOW
        marks = [tag("path", {"class": "level", "d": shape, "transform": f"translate({x:.1f} {MIDDLE})"})]
    else:
        ends = [scale(value) for value in (min(score["values"]), max(score["values"]))]
        marks = [tag("line", {"class": "whisker", "x1": ends[0], "x2": ends[1], "y1": MIDDLE, "y2": MIDDLE})]
        marks += [tag("circle", {"cx": scale(value), "cy": MIDDLE, "r": 3}) for value in score["values"]]
    kind = f"point {look[row.name]}" if row.model else "base"
    return tag("svg", {"class": f"strip {kind}", "viewBox": f"0 0 {STRIP} {2 * MIDDLE}", "role": "img"},
               tag("title", None, told), *marks)


def compute_table(summary: Summary, look: Looks) -> Markup | None:
    """The curves in numbers: what the middle seed of each model had reached after so many seconds."""
    measure = Measure.of(summary["measure"])
    main = [line for m in summary["models"] if m["name"] in look for line in lines_of(m, measure) if line.main]
    if not main:
        return None
    main.sort(key=lambda line: measure.cost(line.points[-1]["score"]))
    longest = max(line.points[-1]["seconds"] for line in main)
    marks = [longest / 2**n for n in (4, 3, 2, 1, 0)]
    titles = ["model", *map(units.seconds, marks), f"{summary['unit']}s trained on"]
    lines = [[line.model, *(_reached(line, mark, measure) for mark in marks), units.count(line.points[-1]["units"])]
             for line in main]
    return scrolled("Quality against time", table([(t, None) for t in titles], [[(c, None) for c in x] for x in lines]))


def _reached(line: Line, seconds: float, measure: Measure) -> str:
    """What was last measured by then."""
    past = [point["score"] for point in line.points if point["seconds"] <= seconds * (1 + 1e-9)]
    return measure.write(past[-1] if past else None)


def pair_table(summary: Summary) -> Markup | None:
    """The chance that the model of the row is better than that of the column; None where one seed says nothing."""
    known = summary.get("pairs", {})
    names, better = known.get("names", [])[:MOST_PAIRED], known.get("better", [])
    if len(names) < 2 or better[0][1] is None:
        return None
    head = tag("tr", None, tag("td"), *(tag("th", {"scope": "col"}, name) for name in names))
    body = [tag("tr", None, tag("th", {"scope": "row"}, name), *(_chance_cell(i, j, better) for j in range(len(names))))
            for i, name in enumerate(names)]
    grid = tag("table", {"class": "pairs"}, tag("thead", None, head), tag("tbody", None, *body))
    return scrolled("Who is better than whom", grid)


def _chance_cell(row: int, column: int, better: Sequence[Sequence[float | None]]) -> Markup:
    chance = better[row][column]
    if row == column or chance is None:
        return tag("td", None, "")
    return tag("td", {"style": f"--p:{round(100 * chance)}%"}, units.chance(chance))
