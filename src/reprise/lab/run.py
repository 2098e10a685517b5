"""Running a study: cells in processes of their own, rows on disk as they are computed, verdicts from the rows."""
import csv
import io
import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any

import torch

from reprise.core.errors import InputError
from reprise.core.files import atomic_write
from reprise.lab.claims import Verdict
from reprise.lab.folder import sole_use
from reprise.lab.rows import append_row, read_rows
from reprise.lab.study import Cell, Study
from reprise.lab.table import Table
from reprise.lab.workers import Event, Task, run_tasks

__all__ = ["Run", "read_verdicts"]

VERDICTS = ("study", "tier", "settings", "digest", "claim", "verdict", "why", "estimate", "low", "high", "margin",
            "seeds")
Engine = Callable[[Iterable[Task], int, tuple[str, ...]], Iterator[Event]]


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

    def compute(self, jobs: int, engine: Engine = run_tasks) -> Iterator[Event]:
        """Computes what is missing, `jobs` cells at once. A row is on disk before its event is yielded.

        A cell that fails is an event and no row: the others go on, and the next run tries it again.
        engine: what runs the cells: processes of this machine, or `lab.cluster.run_on_ray`.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with sole_use(self.path.parent):
            tasks = [Task(cell, compute_cell, (self.study, cell, self.prepare)) for cell in self.missing()]
            if tasks:
                self._describe()
            for event in engine(tasks, jobs, (__name__, self.study.module)):
                if event.kind == "done":
                    append_row(self.path, event.value)
                yield event

    def table(self) -> Table:
        return Table(self.rows(), self.study.cells())

    def verdicts(self) -> list[Verdict]:
        """Every claim, weighed by the rows there are."""
        return self.study.verdicts(self.table())

    def record(self) -> None:
        """The verdicts into `verdicts.csv`, where they replace those of the same study and settings.

        Not those of the smoke tier, which shows that a study runs: they would stand beside real ones.
        """
        study = self.study
        if study.tier == "smoke":
            return
        about = {"study": study.place, "tier": study.tier, "settings": " ".join(study.changes),
                 "digest": study.digest()}
        mine = [about | {name: getattr(verdict, "text" if name == "claim" else name) for name in VERDICTS[len(about):]}
                for verdict in self.verdicts()]
        self.folder.mkdir(parents=True, exist_ok=True)
        with sole_use(self.folder, wait=True):
            others = [row for row in read_verdicts(self.folder) if any(
                row[name] != about[name] for name in ("study", "tier", "settings"))]
            rows = sorted([*others, *mine], key=lambda row: (row["study"], row["tier"], row["settings"]))
            _write_verdicts(self.folder / "verdicts.csv", rows)

    def described(self) -> list[dict[str, Any]]:
        """The environments that rows were computed in, in order."""
        path = self.path.with_suffix(".json")
        if not path.exists():
            return []
        try:
            return json.loads(path.read_text())["environments"]
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path} is damaged; delete it, or choose another --out") from error

    def _describe(self) -> None:
        found = self.described()
        if self.environment in found:
            return
        about = {"study": self.study.module, "config": asdict(self.study.config),
                 "environments": [*found, self.environment]}
        atomic_write(self.path.with_suffix(".json"), (json.dumps(about, indent=2) + "\n").encode())


def compute_cell(study: Study, cell: Cell, prepare: Callable[[int], None], report: Callable) -> Cell:
    """One row: the cell, what was measured, and how long it took. A number that is not finite is null."""
    prepare(1)
    torch.manual_seed(cell.get("seed", 0))
    began = time.perf_counter()
    measured = study.measure(cell)
    if both := (cell.keys() | {"seconds"}) & measured.keys():
        raise ValueError(f"measure gives {', '.join(sorted(both))}, which the cell has or its row is given; "
                         "call it something else")
    finite = {name: None if isinstance(value, float) and not isfinite(value) else value
              for name, value in measured.items()}
    row = cell | finite | {"seconds": round(time.perf_counter() - began, 2)}
    json.dumps(row, allow_nan=False)  # what no row can hold fails here, where it is known which cell gave it
    return row


def read_verdicts(folder: Path) -> list[dict[str, str]]:
    """All verdicts below a folder of results. Raises InputError for a file that is not of verdicts."""
    path = folder / "verdicts.csv"
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        table = csv.DictReader(file)
        if tuple(table.fieldnames or ()) != VERDICTS:
            raise InputError(f"{path}: expected the columns {', '.join(VERDICTS)}; move it away, and run the studies: "
                             "what is measured already is only weighed again")
        return list(table)


def _write_verdicts(path: Path, rows: list[dict[str, Any]]) -> None:
    text = io.StringIO()
    table = csv.DictWriter(text, VERDICTS, lineterminator="\n")
    table.writeheader()
    for row in rows:
        table.writerow({name: f"{value:.6g}" if isinstance(value, float) else value for name, value in row.items()})
    atomic_write(path, text.getvalue().encode())
