"""The leaderboard: its rows, from which the report makes its table too, and the table for the terminal."""
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reprise.app.findings import units
from reprise.app.findings.measure import Measure
from reprise.app.findings.summary import Baseline, Model, Spread, Summary

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

__all__ = ["Column", "Row", "chosen_baselines", "columns", "interval", "leaderboard", "rows"]


@dataclass(frozen=True)
class Column:
    """A heading, what it means, and how a model's cell is written."""

    title: str
    about: str
    cell: Callable[[Model], str]


@dataclass(frozen=True)
class Row:
    """One line of the leaderboard: a model that finished, or (`model` None) a baseline, which costs nothing to run."""

    name: str
    score: Spread
    further: list[str]
    best: float | None
    model: Model | None
    about: str


def columns(unit: str) -> tuple[Column, ...]:
    """What a model costs; unit: of the data, one of it."""
    trained, streamed = "train_units_per_second", "stream_units_per_second"
    return (
        Column("training", f"{unit}s trained on per second", lambda m: units.rate(m.get(trained))),
        Column("streaming", f"{unit}s per second, one at a time", lambda m: units.rate(m.get(streamed))),
        Column("step", f"time to take in one {unit}", lambda m: units.milliseconds(m.get("step_ms"))),
        Column("state", f"memory carried from {unit} to {unit}", lambda m: units.size(m.get("state_bytes"))),
        Column("peak memory", "most memory while training", lambda m: units.size(m.get("peak_memory_bytes"))),
        Column("parameters", "numbers learnt", lambda m: units.count(m.get("parameters"))),
    )


def rows(summary: Summary) -> list[Row]:
    """Models that finished and the baselines worth a line, best first."""
    measure, known = Measure.of(summary["measure"]), summary.get("pairs", {})
    best = dict(zip(known.get("names", ()), known.get("best", ())))
    further = [Measure.of(told) for told in summary.get("further", ())]

    def written(scored: Model | Baseline) -> list[str]:
        return [other.write(scored.get("further", {}).get(other.name)) for other in further]

    models = [Row(m["name"], m["score"], written(m), best.get(m["name"]), m, m.get("summary", ""))
              for m in summary["models"] if m["status"] == "done"]
    others = [Row(b["name"], Spread(median=b["score"], low=None, high=None, values=[]), written(b), None, None,
                  b["why"]) for b in chosen_baselines(summary)]
    return sorted(models + others, key=lambda row: measure.cost(row.score["median"]))


def chosen_baselines(summary: Summary) -> list[Baseline]:
    """Those worth a line among the models, best first: of each group the best."""
    measure = Measure.of(summary["measure"])
    order = sorted(summary["baselines"], key=lambda baseline: measure.cost(baseline["score"]))
    best: dict[str, Baseline] = {}
    for baseline in order:
        if baseline["group"]:
            best.setdefault(baseline["group"], baseline)
    return list(best.values())


def interval(score: Spread, measure: Measure) -> str:
    """The range over seeds, or nothing with one."""
    low, high = score["low"], score["high"]
    return "" if low is None or high is None else f"{measure.write(low)} to {measure.write(high)}"


def leaderboard(summary: Summary) -> "Group":
    """For the terminal, 80 columns wide: who is better, by other measures, what each costs; baselines are dim."""
    from rich.console import Group
    from rich.markup import escape

    measure, *further = map(Measure.of, [summary["measure"], *summary.get("further", ())])
    *cost, parameters = columns(summary["unit"])
    failed = [f"{m['name']} failed: {m.get('why', '')}" for m in summary["models"] if m["status"] == "failed"]
    quality = _table("model", [measure.title, "over seeds", "best?", parameters.title])
    others = _table("also", [other.title for other in further])
    prices = _table("cost", [column.title for column in cost])
    prices.caption, prices.caption_justify, prices.caption_style = escape("\n".join(failed)) or None, "left", "red"
    for row in rows(summary):
        style = None if row.model else "dim"
        cells = [row.name, measure.write(row.score["median"]), interval(row.score, measure) or units.UNKNOWN,
                 units.chance(row.best)]
        quality.add_row(*map(escape, cells + ([parameters.cell(row.model)] if row.model else [])), style=style)
        others.add_row(*map(escape, [row.name, *row.further]), style=style)
        if row.model:
            prices.add_row(*map(escape, [row.name, *(column.cell(row.model) for column in cost)]))
    return Group(quality, "", *([others, ""] if further else []), prices)


def _table(first: str, titles: Sequence[str]) -> "Table":
    from rich.table import Table

    table = Table(first, box=None, pad_edge=False)
    for title in titles:
        table.add_column(title, justify="right", no_wrap=True)
    return table
