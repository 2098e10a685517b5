"""What the commands print: progress, leaderboard, lists."""
import os
import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from reprise.app.comparison.engine import SLICES, Comparison
from reprise.app.comparison.outcome import summarise
from reprise.app.comparison.settings import Settings
from reprise.app.findings import summary as summaries
from reprise.app.findings.leaderboard import leaderboard
from reprise.app.findings.measure import Measure
from reprise.app.findings.units import several
from reprise.app.machine import describe
from reprise.app.pages import WIDTH, state_told
from reprise.app.process import cores, told
from reprise.app.report import write_report
from reprise.app.report.kinds import KINDS
from reprise.core.errors import InputError
from reprise.lab.workers import Event
from reprise.layers import layer_info, list_channels, list_layers
from reprise.layers.registry import FAMILIES
from reprise.models.patterns import PATTERNS
from reprise.ops.backend import INSTALLED, LANGUAGES

__all__ = ["bars", "console", "show_comparison", "show_info", "show_layers"]


class Screen(Console):
    """A console that leaves it to `main` what to do where nobody reads any more."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


console = Screen(emoji=False)  # a folder may be called :snake:


def show_comparison(settings: Settings, folder: Path, command: str) -> None:
    """Run the comparison with bars, then leaderboard, verdict and where everything is."""
    started, began = datetime.now(UTC).isoformat(timespec="seconds"), time.perf_counter()
    contest = settings.contest
    console.print(f"[bold]{escape(contest.card()['name'])}[/]: {escape(contest.told())}; "
                  f"{several(len(settings.models), 'model')}, {several(settings.seeds, 'seed')}, "
                  f"{settings.budget:g} s of training each", soft_wrap=True)
    comparison = Comparison(settings, folder)
    if comparison.rows:
        told = f"going on with {len(comparison.rows)} results in {folder}"
        console.print(told, style="dim", soft_wrap=True, markup=False)
    with bars() as progress:
        _train(comparison, progress)
    found = summarise(comparison, command, started, time.perf_counter() - began)
    summaries.save(folder / "compare.json", found)
    write_report(found, folder / "report.html")
    console.print(leaderboard(found))
    console.print(f"\n{found['verdict']}\n", style="bold", markup=False)
    console.print(f"Report: {folder / 'report.html'}    Models: {folder / 'models'}", soft_wrap=True, markup=False)
    if (shown := found["shown"]) is not None:
        best = next(path for path in found["files"] if path.startswith(f"models/{shown['model']}-"))
        if use := KINDS[found["kind"]].use(found, shown["model"], shlex.quote(str(folder / best))):
            console.print(f"Next:   {use[1]}", soft_wrap=True, markup=False)


def _train(comparison: Comparison, progress: Progress) -> None:
    settings = comparison.settings
    trials = len(settings.models) * settings.seeds
    lines = {kind: progress.add_task(label, total=total) for kind, label, total in (
        ("speed", "measuring speeds", len(comparison.rounds())),
        ("point", "training in turns", trials * SLICES),
        ("final", "scoring", trials), ("baseline", "baselines", len(settings.contest.baselines())))}
    for kind, line in lines.items():
        of = {"speed": ("turn",), "baseline": ("of",)}.get(kind, ("model", "seed", "turn"))
        found = {tuple(row.get(key) for key in of) for row in comparison.found(kind)}
        progress.update(line, completed=len(found))
    under_way = {}
    for event in comparison.run():
        _tell(event, under_way, progress, lines, settings.contest.measure)


def _tell(
    event: Event, under_way: dict[str, float], progress: Progress, lines: dict[str, TaskID], measure: Measure,
) -> None:
    """Moves the bars; `under_way` is how much of its turn each running trial has reported and the bar has shown."""
    key = event.task.key
    line, trial = lines[key["kind"]], f"{key.get('model')} {key.get('seed')}"
    reached = event.value if event.kind == "report" else 1.0
    progress.advance(line, reached - under_way.pop(trial, 0.0))
    if event.kind == "report":
        under_way[trial] = reached
    elif event.kind == "failed":
        seed = "" if "seed" not in key else f", seed {key['seed']}"
        which = escape(key.get("model") or key["of"])
        progress.console.print(f"[red]{which}{seed} failed[/]: {escape(event.value)}; the others go on")
    elif key["kind"] == "point":
        point = f"{key['model']} {measure.write(event.value[0]['score'])} {measure.words}"
        progress.update(line, description=f"training in turns: {point}")


@contextmanager
def bars(left: ProgressColumn | None = None) -> Iterator[Progress]:
    """Progress with counts, time gone and time left; it draws only where somebody can see it.

    left: what tells the time left, where the pace of the last half minute would say little.
    """
    columns = (TextColumn("{task.description:<52}", markup=False), BarColumn(24), MofNCompleteColumn(),
               TimeElapsedColumn(), TextColumn("left"), left or TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        yield progress


def show_layers(name: str) -> None:
    """A table of all that match, or everything about one."""
    if not any(c in name for c in "*?["):
        _show_layer(name)
        return
    found = list_layers(name)
    if not found:
        raise InputError(f"no layer matches {name!r}; `reprise layers` lists all")
    table = Table("name", "year", "paper", "state", "cost", box=None)
    infos = sorted(map(layer_info, found), key=lambda info: (FAMILIES.index(info.family), info.year, info.name))
    for family, group in groupby(infos, lambda info: info.family):
        table.add_row(f"[bold]{family}[/]")
        for info in group:
            cells = info.name, str(info.year), info.paper[:-5], state_told(info), info.cost
            table.add_row(*map(escape, cells))
    console.print(table)
    console.print(f"\n{len(found)} layers; state: numbers a row carries at width {WIDTH}. "
                  "`reprise layers NAME` tells all of one. "
                  f"Channel mixers: {', '.join(list_channels())}. Hybrids to train: {', '.join(PATTERNS)}.")


def _show_layer(name: str) -> None:
    info = layer_info(name)
    console.print(f"[bold]{name}[/] ({info.family})  {escape(info.summary)}\n", highlight=False)
    for line in info.equations.splitlines():
        console.print(f"    {line}", markup=False, highlight=False)
    console.print()
    options = ", ".join(f"{key}={value!r}" for key, value in info.options.items()) or "none"
    excused = {f"Excused ({law})": why for law, why in info.excused.items()}
    for key, text in {**info.sections, "Options": options, **excused}.items():
        console.print(f"{key:<9} {' '.join(text.split())}", markup=False, highlight=False)


def show_info() -> None:
    """Versions, machine and what is set."""
    table = Table(box=None, show_header=False)
    for key, value in (describe(cores()) | told(1)).items():
        table.add_row(key, str(value))
    table.add_row("data sets", os.environ.get("REPRISE_DATA", "downloaded when first used (REPRISE_DATA is not set)"))
    for language in LANGUAGES:
        there = "installed" if INSTALLED[language.package] else f"not installed: pip install {language.install}"
        table.add_row(f"kernels on {language.device}", f"{language.name}, {there}")
    table.add_row("layers", str(len(list_layers())))
    console.print(table, markup=False)
