"""Studies on the command line: find them by name, run them with progress, print what came out."""
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rich.progress import Progress
from rich.table import Table

from reprise.app.machine import describe
from reprise.app.process import cores, prepare
from reprise.app.show import bars, console
from reprise.core.registry import Registry
from reprise.lab.claims import Verdict
from reprise.lab.run import Run, read_verdicts
from reprise.lab.study import Study
from reprise.lab.table import Table as Rows

__all__ = ["find_study", "list_studies", "run_study", "show_study"]

STUDIES = Registry("study", ["reprise.studies"])
COLOURS = {"holds": "green", "fails": "red", "unclear": "yellow"}


def find_study(name: str, tier: str = "small", settings: Iterable[str] = ()) -> Study:
    """The study of that name (with hyphens or underscores), its tier's settings first, then those given."""
    module = STUDIES.module(name.replace("-", "_"))
    return Study(module, (*Study(module).tier(tier), *settings))


def list_studies(results: Path) -> None:
    """A table: name, what it is about, how its claims stand in the results."""
    found: dict[str, list[str]] = {}
    for row in read_verdicts(results):
        found.setdefault(row["study"], []).append(row["verdict"])
    table = Table("name", "about", "verdicts", box=None)
    for module in STUDIES.modules().values():
        study = Study(module)
        verdicts = found.get(study.place, [])
        counted = ", ".join(f"{verdicts.count(v)} {v}" for v in COLOURS if v in verdicts)
        table.add_row(study.name, study.summary, counted or "not run")
    console.print(table)


def show_study(study: Study, results: Path) -> None:
    """The claim, the settings, and what results there are."""
    console.print(f"[bold]{study.name}[/]  {study.summary}\n", highlight=False)
    for title, text in study.about.items():
        console.print(f"{title:<9}{text}", markup=False, highlight=False)
    settings = "  ".join(f"{key}={value!r}" for key, value in vars(study.config).items())
    console.print(f"Settings {settings}\n", markup=False, highlight=False)
    _show_results(Run(study, results))


def run_study(study: Study, results: Path, jobs: int) -> bool:
    """Computes what is missing and weighs the claims. False where a cell failed."""
    run = Run(study, results, dict(describe(1)), prepare)
    todo, total = len(run.missing()), len(study.cells())
    console.print(f"[bold]{study.name}[/]: {total} cells, {todo} to compute; rows in {run.path}", highlight=False)
    with bars() as progress:
        failed = _compute(run, jobs or cores(), progress, todo)
    run.record()
    _show_results(run)
    if failed:
        console.print(f"\n{failed} cells failed; the same command tries them again")
    return not failed


def _compute(run: Run, jobs: int, progress: Progress, todo: int) -> int:
    line, failed = progress.add_task("measuring", total=todo), 0
    for event in run.compute(jobs):
        if event.kind == "report":
            continue
        cell = _told(event.task.key)
        if event.kind == "failed":
            failed += 1
            progress.console.print(f"[red]failed[/] {cell}: {event.value}; the others go on", highlight=False)
        else:
            numbers = {key: value for key, value in event.value.items() if key not in event.task.key}
            progress.console.print(f"{cell}  {_told(numbers)}", highlight=False)
        progress.advance(line)
    return failed


def _show_results(run: Run) -> None:
    rows = run.table()
    if not len(rows):
        console.print("not run with these settings")
        return
    if run.study.shown is not None:
        console.print(_medians(rows, *run.study.shown))
    console.print()
    for verdict in run.study.verdicts(rows):
        console.print(_said(verdict), highlight=False)


def _medians(rows: Rows, down: str, across: str, column: str) -> Table:
    names = rows.values(across)
    table = Table(down, *names, title=f"{column}: median over seeds", box=None, title_justify="left")
    for name in rows.values(down):
        numbers = (rows.median(column, **{down: name, across: other}) for other in names)
        table.add_row(str(name), *(_number(number) for number in numbers))
    return table


def _told(row: dict[str, Any]) -> str:
    return " ".join(f"{key}={_number(value)}" for key, value in row.items())


def _number(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _said(verdict: Verdict) -> str:
    numbers = "" if verdict.estimate is None else f"  {verdict.estimate:.3g} [{verdict.low:.3g}, {verdict.high:.3g}]"
    why = f"  ({verdict.why})" if verdict.why else ""
    return f"[{COLOURS[verdict.verdict]}]{verdict.verdict:<8}[/]{verdict.text}{numbers}{why}"
