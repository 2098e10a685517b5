"""`reprise bench`: measure, compare with last time, show, keep."""
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import torch
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from reprise.app.bench.clock import limits, take_turns
from reprise.app.bench.growth import growth_page, measure_growth
from reprise.app.bench.record import Key, Row, load, save
from reprise.app.bench.subjects import Subject, Wrong, choose_subjects
from reprise.app.machine import describe
from reprise.app.show import bars, console
from reprise.core.files import atomic_write
from reprise.lab.memory import peak_bytes
from reprise.testing.operations import list_operations

__all__ = ["Settings", "measure"]

FILE, GROWTH = "bench.csv", "growth.html"


class Settings(NamedTuple):
    names: tuple[str, ...]
    passes: tuple[str, ...]
    steps: int
    seconds: float  # for each way of doing each thing
    growth: bool
    threads: int


def measure(settings: Settings, folder: Path) -> bool:
    """Measures what was chosen, prints a table for each thing, and keeps all rows; False where one was wrong."""
    before = {row.key: row for row in load(folder / FILE)}
    makers, right = list(choose_subjects(list(settings.names), settings.passes, settings.steps)), True
    with bars() as progress:
        line = progress.add_task("timing", total=len(makers))
        for make in makers:
            try:
                for subject in make():
                    progress.update(line, description=f"{subject.name}, {subject.kind_of_pass}")
                    rows = list(_rows(subject, settings))
                    progress.console.print(_table(subject, rows, before))
                    save(folder / FILE, rows)
            except Wrong as error:
                progress.console.print(f"[red]not timed, for its answer is wrong[/]: {escape(str(error))}")
                right = False
            progress.advance(line)
        if settings.growth:
            _grow(settings, folder, progress)
    console.print(f"Kept in {folder / FILE}", soft_wrap=True, markup=False)
    return right


def _grow(settings: Settings, folder: Path, progress: Progress) -> None:
    names = [name for name in settings.names or list_operations() if name in list_operations()]
    line = progress.add_task("cost against steps", total=len(names))
    found = []
    for name in names:
        progress.update(line, description=f"cost against steps: {name}")
        found.append(measure_growth(name))
        progress.advance(line)
    (folder / GROWTH).parent.mkdir(parents=True, exist_ok=True)
    atomic_write(folder / GROWTH, growth_page(found, describe(settings.threads)).encode())
    for growth in found:
        console.print(f"{growth.name}: time grows as T^{growth.order:.2f} from {growth.points[0][0]:,} to "
                      f"{growth.points[-1][0]:,} steps")
    console.print(f"Plot: {folder / GROWTH}", soft_wrap=True)


def _rows(subject: Subject, settings: Settings) -> Iterator[Row]:
    machine, most = describe(settings.threads), limits()
    with torch.set_grad_enabled(subject.kind_of_pass == "training"):
        timings = take_turns({**subject.ours, **subject.others}, settings.seconds)
        peaks = {way: peak_bytes(run) for way, run in subject.ours.items() if subject.kind_of_pass != "step"}
    for way, timing in timings.items():
        yield Row(subject.kind, subject.name, subject.shape, subject.kind_of_pass, way, way in subject.ours,
                  timing.seconds, timing.spread, peaks.get(way), most.seconds(subject.moved, subject.flops),
                  settings.threads, machine["cpu"], machine["torch"], machine["reprise"])


def _table(subject: Subject, rows: list[Row], before: dict[Key, Row]) -> Table:
    """A line a way; ratios are to the fastest of ours, and to the same when it was last measured."""
    table = Table(title=f"{subject.name} ({subject.kind}), {subject.kind_of_pass}, {subject.shape}",
                  title_justify="left", title_style="bold", show_edge=False)
    compared = any(row.key in before for row in rows)
    for heading in ("way", "time", "of ours", "of the limit", "memory", *["of last time"] * compared):
        table.add_column(heading, justify="left" if heading == "way" else "right", no_wrap=True)
    best = min(row.seconds for row in rows if row.ours)
    for row in sorted(rows, key=lambda row: row.seconds):
        cells = [row.way if row.ours else f"[dim]{row.way}[/]", f"{_time(row.seconds)} ±{row.spread:.0%}",
                 f"{row.seconds / best:.2f}x", f"{row.limit_seconds / row.seconds:.0%}",
                 "" if row.peak_bytes is None else f"{row.peak_bytes / 2**20:,.1f} MiB"]
        if row.key in before:
            cells.append(f"{row.seconds / before[row.key].seconds:.2f}x")
        table.add_row(*cells)
    return table


def _time(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e6:.3g} us"
