"""Studies on the command line: find them by name, run them with progress, print what came out."""
import dataclasses
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from reprise.app.machine import describe
from reprise.app.pace import Pace
from reprise.app.process import cores, prepare
from reprise.app.show import bars, console
from reprise.app.site.papers import fill, verdict_of
from reprise.app.site.write import write_site
from reprise.core.errors import InputError
from reprise.core.registry import Registry
from reprise.lab.claims import Verdict
from reprise.lab.cluster import run_on_ray
from reprise.lab.run import Run, read_verdicts
from reprise.lab.study import Study
from reprise.lab.table import Table as Rows
from reprise.lab.workers import Event, run_tasks

__all__ = ["find_study", "list_studies", "report_studies", "run_study", "show_study"]

STUDIES = Registry("study", ["reprise.studies"])
ENGINES = {"processes": run_tasks, "ray": run_on_ray}
COLOURS = {"holds": "green", "fails": "red", "unclear": "yellow"}


def find_study(name: str, tier: str = "small", settings: Iterable[str] = (), first_seed: int = 0) -> Study:
    """The study of that name, with hyphens or underscores."""
    return Study(STUDIES.module(name.replace("-", "_")), tuple(settings), tier, first_seed)


def list_studies(results: Path) -> None:
    """A table: name, what it is about, how its claims stand in the results."""
    verdicts, table = read_verdicts(results), Table("name", "about", "verdicts", box=None)
    for module in STUDIES.modules().values():
        study = Study(module)
        table.add_row(study.name, escape(study.summary), verdict_of(study.place, verdicts) or "not run")
    console.print(table)


def report_studies(results: Path, papers: Path, update: bool) -> None:
    """The site of all studies and papers, below the results."""
    if update and fill(papers, results):
        console.print(f"{papers}: verdicts brought up to date", markup=False)
    page = write_site(STUDIES.modules().values(), results, papers)
    console.print(f"Report: {page}", soft_wrap=True, markup=False)


def show_study(study: Study, results: Path) -> None:
    """The claim, the settings, and what results there are."""
    console.print(f"[bold]{study.name}[/]  {escape(study.summary)}\n", highlight=False)
    for title, text in study.about.items():
        console.print(f"{title:<9}{text}", markup=False, highlight=False)
    settings = "  ".join(f"{key}={value!r}" for key, value in vars(study.config).items())
    console.print(f"Settings {settings}\n", markup=False, highlight=False)
    _show_results(Run(study, results))


def run_study(study: Study, results: Path, jobs: int, engine: str = "processes") -> bool:
    """Computes what is missing and weighs the claims. False where a cell failed."""
    if engine not in ENGINES:
        raise InputError(f"--engine: expected {' or '.join(ENGINES)}, got {engine!r}")
    run = Run(study, results, {**describe(1), "commit": _commit(), "engine": engine}, prepare)
    todo, total = len(run.missing()), len(study.cells())
    console.print(f"[bold]{study.name}[/]: {total} cells, {todo} to compute; rows in {escape(str(run.path))}",
                  highlight=False, soft_wrap=True)
    failed = _compute(run, engine, jobs if jobs or engine == "ray" else cores()) if todo else []
    run.record()
    _show_results(run)
    if failed:
        told = f"\n{len(failed)} of {total} cells failed: {'; '.join(failed)}. The same command tries them again."
        console.print(told, highlight=False, markup=False)
    return not failed


def _compute(run: Run, engine: str, jobs: int) -> list[str]:
    """The cells that failed. The bar counts what is measured, now or before."""
    total, todo, failed, pace = len(run.study.cells()), len(run.missing()), [], Pace()
    with bars(pace) as progress:
        line = progress.add_task("measuring", total=total, completed=total - todo)
        measured = 0
        for event in run.compute(jobs, ENGINES[engine]):
            if event.kind == "report":
                continue
            if event.kind == "failed":
                failed.append(_told(event.task.key))
                progress.update(line, description=f"measuring ({len(failed)} failed)")
            else:
                measured += 1
                progress.advance(line)
            pace.measured(measured, todo - measured - len(failed))
            _tell(event, progress)
    return failed


def _tell(event: Event, progress: Progress) -> None:
    cell = _told(event.task.key)
    if event.kind == "failed":
        progress.console.print(f"failed {cell}: {event.value}; the others go on", style="red", highlight=False,
                               markup=False)
    else:
        numbers = {key: value for key, value in event.value.items() if key not in event.task.key}
        progress.console.print(f"{cell}  {_told(numbers)}", highlight=False, markup=False)


def _commit() -> str:
    """Of the source that runs, where that is a checkout; with a plus where it has been changed since."""
    told = ""
    try:
        for question in ("ls-files --error-unmatch study.py", "describe --always --exclude=* --dirty=+"):
            told = subprocess.run(["git", *question.split()], cwd=Path(__file__).parent, check=True,
                                  capture_output=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return "unknown: not run from a checkout"
    return told.strip()


def _show_results(run: Run) -> None:
    rows = run.table()
    if not len(rows):
        console.print("not run with these settings")
        return
    if run.study.shown is not None:
        console.print(f"{run.study.shown[2]}, median over seeds:", markup=False)
        console.print(_medians(rows, *run.study.shown))
    console.print()
    for verdict in run.verdicts():
        console.print(_said(verdict), highlight=False)
    if run.study.first_seed and len(usual := Run(dataclasses.replace(run.study, first_seed=0), run.folder).table()):
        console.print(_compared(run.verdicts(), run.study.verdicts(usual)), highlight=False, markup=False)
    if run.study.tier == "smoke":
        console.print("smoke tier: it shows that the study runs; its verdicts are not recorded")


def _compared(again: list[Verdict], usual: list[Verdict]) -> str:
    """How many claims have the verdict that they have with the usual seeds, and which have not."""
    before = {verdict.text: verdict.verdict for verdict in usual}
    other = [f"{v.text}: {before.get(v.text, 'nothing')}, now {v.verdict}" for v in again
             if before.get(v.text) != v.verdict]
    return f"\nThe verdict of the usual seeds in {len(again) - len(other)} of {len(again)} claims" + "".join(
        f"\n  {line}" for line in other)


def _medians(rows: Rows, down: str, across: str, column: str) -> Table:
    rows = rows.having(column)
    names = rows.values(across)
    table = Table(escape(down), *(escape(str(name)) for name in names), box=None)
    for name in rows.values(down):
        numbers = (rows.median(column, **{down: name, across: other}) for other in names)
        table.add_row(escape(str(name)), *(_number(number) for number in numbers))
    return table


def _told(row: dict[str, Any]) -> str:
    return " ".join(f"{key}={_number(value)}" for key, value in row.items())


def _number(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _said(verdict: Verdict) -> str:
    numbers = "" if verdict.estimate is None else f"  {verdict.estimate:.3g} [{verdict.low:.3g}, {verdict.high:.3g}]"
    why = f"  ({verdict.why})" if verdict.why else ""
    return f"[{COLOURS[verdict.verdict]}]{verdict.verdict:<8}[/]" + escape(f"{verdict.text}{numbers}{why}")
