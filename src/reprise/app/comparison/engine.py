"""`reprise compare`: every model trained with the same compute, in turns, so that noise hits all alike.

Equal compute as in Languini (Stanic et al. 2023, arXiv:2309.11197): a model's measured speed times the budget is the
number of bytes, points or events it may read. Everything computed is a row on disk at once; run again, it goes on
where it stopped.
"""
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from reprise.app.comparison.settings import Settings
from reprise.app.comparison.trial import Trial, baseline_scores, final_score, measure_speeds, train_slice
from reprise.core.errors import InputError
from reprise.lab.folder import claim, sole_use
from reprise.lab.rows import append_row, read_rows
from reprise.lab.workers import Event, Task, run_tasks

__all__ = ["KEYS", "SLICES", "Comparison"]

ROUNDS, SLICES = 2, 5  # times all speeds are measured; turns in which a model is trained

KEYS = ("model", "seed", "turn", "of", "name")  # which row of its kind it is

Row = dict[str, Any]


@dataclass
class Comparison:
    """A comparison in a folder. `run` computes what is missing and yields events for whoever shows progress."""

    settings: Settings
    folder: Path
    rows: list[Row] = field(default_factory=list)

    def __post_init__(self) -> None:
        claim(self.folder / "settings.json", "comparison", self.settings.told())
        found = read_rows(self.folder / "results.jsonl")
        self.rows = [row for row in found if row["kind"] != "failed"]  # what failed is tried again

    def run(self) -> Iterator[Event]:
        """Speeds, then training in turns, final scores, baselines. Rows are on disk before their event is yielded."""
        with sole_use(self.folder):
            yield from self._stages()

    def _stages(self) -> Iterator[Event]:
        yield from self._all(self._speed_tasks())
        self._check_alive()
        for turn in range(1, SLICES + 1):
            yield from self._all(self._training_tasks(turn))
            self._check_alive()
        yield from self._all(self._final_tasks())
        yield from self._all(self._baseline_tasks())
        shutil.rmtree(self.folder / "checkpoints", ignore_errors=True)  # the trained models are what stays

    def steps(self, model: str) -> int:
        """Updates that the budget pays for, at the median of the measured speeds."""
        paid_for = self.speed(model) * self.settings.budget
        return max(round(paid_for / self.trial(model, 0).units()), SLICES)

    def speed(self, model: str) -> float:
        """Units a second in training."""
        return median(row["units_per_second"] for row in self.found("speed", model=model))

    def found(self, kind: str, **about: Any) -> list[Row]:
        """Rows of that kind; where one was computed twice, the first."""
        rows = {}
        for row in self.rows:
            if row["kind"] == kind and all(row.get(key) == value for key, value in about.items()):
                rows.setdefault(tuple(row.get(key) for key in KEYS), row)
        return list(rows.values())

    def failure(self, model: str, seed: int | None = None) -> str | None:
        """Why a model, or one of its seeds, could not go on."""
        for row in self.rows:
            if row["kind"] == "failed" and row.get("model") == model and row.get("seed") in (None, seed):
                return row["why"]
        return None

    def rounds(self) -> list[Row]:
        """As many measurements of speed at least as run side by side in training, for then it is as busy here."""
        return [{"kind": "speed", "turn": turn} for turn in range(max(ROUNDS, self.settings.workers()))]

    def trial(self, model: str, seed: int) -> Trial:
        return Trial(self.settings, self.folder, model, seed)

    def trials(self) -> Iterator[tuple[str, int]]:
        """Models and seeds that have not failed, in turns."""
        for seed in range(self.settings.seeds):
            for model in self.settings.models:
                if self.failure(model, seed) is None:
                    yield model, seed

    def _all(self, tasks: list[Task]) -> Iterator[Event]:
        preload = "reprise.app.comparison.trial", type(self.settings.contest).__module__
        for event in run_tasks(tasks, self.settings.workers(), preload):
            key = event.task.key
            if event.kind == "done":
                for row in event.value:
                    self._keep(key | row)
            elif event.kind == "failed":
                if key["kind"] == "speed":
                    raise InputError(f"no speed could be measured: {event.value}; try a smaller --width or --batch")
                self._keep(key | {"kind": "failed", "during": key["kind"], "why": event.value})
            yield event

    def _check_alive(self) -> None:
        if next(self.trials(), None) is None:
            first = self.settings.models[0]
            raise InputError(f"no model is left, {first} for one: {self.failure(first, 0)}; "
                             f"{self.folder / 'results.jsonl'} has the rest; the same command tries again")

    def _keep(self, row: Row) -> None:
        append_row(self.folder / "results.jsonl", row)
        self.rows.append(row)

    def _speed_tasks(self) -> list[Task]:
        trials = [self.trial(model, 0) for model in self.settings.models]
        return [Task(key, measure_speeds, (trials,)) for key in self._missing(self.rounds())]

    def _training_tasks(self, turn: int) -> list[Task]:
        asked = [{"kind": "point", "model": m, "seed": s, "turn": turn} for m, s in self.trials()]
        return [self._slice(key) for key in self._missing(asked)]

    def _slice(self, key: Row) -> Task:
        trial = self.trial(key["model"], key["seed"])
        return Task(key, train_slice, (trial, self.steps(key["model"]), key["turn"], SLICES))

    def _final_tasks(self) -> list[Task]:
        asked = [{"kind": "final", "model": m, "seed": s} for m, s in self.trials()]
        return [Task(key, final_score, (self.trial(key["model"], key["seed"]), self._turn(key["model"], key["seed"])))
                for key in self._missing(asked)]

    def _turn(self, model: str, seed: int) -> int:
        """The turn whose model is kept: the last one, or the one that was best on the validation part."""
        contest, points = self.settings.contest, self.found("point", model=model, seed=seed)
        scored = [row for row in points if contest.keeps_best and row["score"] is not None]
        if not scored:
            return SLICES
        return min(scored, key=lambda row: contest.measure.cost(row["score"]))["turn"]

    def _baseline_tasks(self) -> list[Task]:
        asked = [{"kind": "baseline", "of": name} for name in self.settings.contest.baselines()]
        return [Task(key, baseline_scores, (self.settings, key["of"])) for key in self._missing(asked)]

    def _missing(self, asked: list[Row]) -> list[Row]:
        return [key for key in asked if not self.found(**key)]
