"""Running a study: cells in processes of their own, rows on disk as they are computed, verdicts from the rows."""
import csv
import io
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from reprise.core.files import atomic_write
from reprise.lab.folder import sole_use
from reprise.lab.rows import append_row, read_rows
from reprise.lab.study import Cell, Study
from reprise.lab.table import Table
from reprise.lab.workers import Event, Task, run_tasks

__all__ = ["Run", "read_verdicts"]

VERDICTS = ("study", "digest", "settings", "claim", "verdict", "why", "estimate", "low", "high", "margin", "seeds")


@dataclass
class Run:
    """A study's rows below `folder`, in FAMILY/SLUG/DIGEST.jsonl with what made them beside it, and how to get them.

    environment: versions and machine, kept with the rows.   prepare: called with 1 (thread) in every process first.
    """

    study: Study
    folder: Path
    environment: dict[str, Any] = field(default_factory=dict)
    prepare: Callable[[int], None] = torch.set_num_threads

    @property
    def path(self) -> Path:
        return self.folder / self.study.place / f"{self.study.digest()}.jsonl"

    def rows(self) -> list[Cell]:
        """Those computed so far, in the order of the grid; where one was computed twice, the first."""
        found: dict[tuple, Cell] = {}
        for row in read_rows(self.path):
            found.setdefault(self.study.key_of(row), row)
        return [found[key] for key in map(self.study.key_of, self.study.cells()) if key in found]

    def missing(self) -> list[Cell]:
        done = {self.study.key_of(row) for row in self.rows()}
        return [cell for cell in self.study.cells() if self.study.key_of(cell) not in done]

    def compute(self, jobs: int) -> Iterator[Event]:
        """Computes what is missing, `jobs` cells at once. A row is on disk before its event is yielded.

        A cell that fails is an event and no row: the others go on, and the next run tries it again.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with sole_use(self.path.parent):
            self._describe()
            tasks = [Task(cell, compute_cell, (self.study, cell, self.prepare)) for cell in self.missing()]
            for event in run_tasks(tasks, jobs, preload=(__name__, self.study.module)):
                if event.kind == "done":
                    append_row(self.path, event.value)
                yield event

    def table(self) -> Table:
        return Table(self.rows())

    def record(self) -> None:
        """Weighs the claims by the rows there are; in `verdicts.csv` they replace those of the same study and settings.
        """
        about = {"study": self.study.place, "digest": self.study.digest(), "settings": " ".join(self.study.settings)}
        others = [row for row in read_verdicts(self.folder)
                  if (row["study"], row["digest"]) != (about["study"], about["digest"])]
        mine = [about | {"claim" if name == "text" else name: value for name, value in asdict(verdict).items()}
                for verdict in self.study.verdicts(self.table())]
        _write_verdicts(self.folder / "verdicts.csv", sorted([*others, *mine], key=lambda row: row["study"]))

    def _describe(self) -> None:
        about = {"study": self.study.module, "config": asdict(self.study.config), "environment": self.environment}
        path = self.path.with_suffix(".json")
        if not path.exists():
            atomic_write(path, (json.dumps(about, indent=2) + "\n").encode())


def compute_cell(study: Study, cell: Cell, prepare: Callable[[int], None], report: Callable) -> Cell:
    """One row: the cell, what was measured, and how long it took."""
    prepare(1)
    torch.manual_seed(cell.get("seed", 0))
    began = time.perf_counter()
    return cell | study.measure(cell) | {"seconds": round(time.perf_counter() - began, 2)}


def read_verdicts(folder: Path) -> list[dict[str, str]]:
    """All verdicts below a folder of results."""
    path = folder / "verdicts.csv"
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _write_verdicts(path: Path, rows: list[dict[str, Any]]) -> None:
    text = io.StringIO()
    table = csv.DictWriter(text, VERDICTS, lineterminator="\n")
    table.writeheader()
    for row in rows:
        table.writerow({name: f"{value:.6g}" if isinstance(value, float) else value for name, value in row.items()})
    atomic_write(path, text.getvalue().encode())
