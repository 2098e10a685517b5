"""The leaderboard: its rows, from which the report makes its table too, and the table for the terminal."""
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reprise.app.findings import units
from reprise.app.findings.summary import Baseline, Model, Spread, Summary

if TYPE_CHECKING:
    from rich.console import Group

__all__ = ["COLUMNS", "Column", "Row", "chosen_baselines", "interval", "leaderboard", "rows"]


@dataclass(frozen=True)
class Column:
    """A heading, what it means, and how a model's cell is written."""

    title: str
    about: str
    cell: Callable[[Model], str]


@dataclass(frozen=True)
class Row:
    """One line of the leaderboard: a model that finished, or (`model` None) a baseline, whose other cells are empty."""

    name: str
    bits: Spread
    best: float | None
    model: Model | None
    about: str


COLUMNS = (
    Column("training", "bytes trained on per second", lambda m: units.rate(m.get("train_tokens_per_second"))),
    Column("streaming", "bytes per second, one at a time", lambda m: units.rate(m.get("stream_tokens_per_second"))),
    Column("step", "time to take in one byte", lambda m: units.milliseconds(m.get("step_ms"))),
    Column("state", "memory carried from byte to byte", lambda m: units.size(m.get("state_bytes"))),
    Column("peak memory", "most memory while training", lambda m: units.size(m.get("peak_memory_bytes"))),
    Column("parameters", "numbers learnt", lambda m: units.count(m.get("parameters"))),
)


def rows(summary: Summary) -> list[Row]:
    """Models that finished and the baselines worth a line, best first."""
    known = summary.get("pairs", {})
    best = dict(zip(known.get("names", ()), known.get("best", ())))
    models = [Row(m["name"], m["bits_per_byte"], best.get(m["name"]), m, m.get("summary", ""))
              for m in summary["models"] if m["status"] == "done"]
    others = [Row(b["name"], Spread(median=b["bits_per_byte"], low=None, high=None, values=[]), None, None, b["why"])
              for b in chosen_baselines(summary["baselines"])]
    return sorted(models + others, key=lambda row: row.bits["median"])


def chosen_baselines(baselines: Sequence[Baseline]) -> list[Baseline]:
    """Those worth a line among the models, best first: the best n-gram, the best compressor, the unigram."""
    order = sorted(baselines, key=lambda baseline: baseline["bits_per_byte"])
    counting = [b for b in order if b["name"].endswith("gram")]
    packing = [b for b in order if not b["name"].endswith(("gram", "uniform"))]
    alone = [b for b in counting[1:] if b["name"] == "unigram"]
    return sorted(counting[:1] + packing[:1] + alone, key=order.index)


def interval(bits: Spread) -> str:
    """The range over seeds, or nothing with one."""
    return "" if bits["low"] is None or bits["high"] is None else f"{bits['low']:.3f} to {bits['high']:.3f}"


def leaderboard(summary: Summary) -> "Group":
    """For the terminal, 80 columns wide: who is better, then what each costs; baselines are dim."""
    from rich.console import Group
    from rich.markup import escape
    from rich.table import Table

    cost, (parameters,) = COLUMNS[:-1], COLUMNS[-1:]
    failed = [f"{m['name']} failed: {m.get('why', '')}" for m in summary["models"] if m["status"] == "failed"]
    quality = Table("model", box=None, pad_edge=False)
    prices = Table("cost", box=None, pad_edge=False, caption=escape("\n".join(failed)) or None,
                   caption_justify="left", caption_style="red")
    for table, titles in (
        (quality, ("bits/byte", "over seeds", "best?", parameters.title)), (prices, (column.title for column in cost)),
    ):
        for title in titles:
            table.add_column(title, justify="right", no_wrap=True)
    for row in rows(summary):
        cells = [row.name, units.bits(row.bits["median"]), interval(row.bits) or units.UNKNOWN, units.chance(row.best)]
        rest = [parameters.cell(row.model)] if row.model else []
        quality.add_row(*map(escape, cells + rest), style=None if row.model else "dim")
        if row.model:
            prices.add_row(*map(escape, [row.name, *(column.cell(row.model) for column in cost)]))
    return Group(quality, "", prices)
