"""One model and seed of a comparison, in a process of its own: its speed, a slice of training, the final score."""
import os
import resource
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import torch

from reprise.app.comparison.contest import Entry
from reprise.app.comparison.settings import Settings
from reprise.app.process import prepare
from reprise.core.errors import InputError
from reprise.training.checkpoint import Checkpoints
from reprise.training.run import Run

__all__ = ["Trial", "baseline_scores", "final_score", "measure_speeds", "train_slice"]

WARM, CYCLES, TIMED, STREAMED = 2, 5, 1.0, 0.4  # updates not timed; then at least; seconds a model; of streaming
TELL = 0.5  # seconds between two words on progress

Report = Callable[[Any], None]
Row = dict[str, Any]


@dataclass(frozen=True)
class Trial:
    """One model and seed of the comparison in `folder`."""

    settings: Settings
    folder: Path
    model: str
    seed: int

    @property
    def entry(self) -> Entry:
        return Entry(self.model, self.settings.recipe, self.seed)

    @property
    def name(self) -> str:
        return f"{self.model}-{self.seed}"

    @property
    def trained(self) -> Path:
        """Where the trained model is, in the end."""
        return self.folder / "models" / self.name

    @property
    def checkpoints(self) -> Path:
        return self.folder / "checkpoints" / self.name

    def kept(self, turn: int) -> Path:
        """Where the model as it was after that turn is, until it is known which turn's is kept."""
        return self.checkpoints / f"turn-{turn}"

    def run(self, steps: int) -> Run:
        """The training run at its beginning, the same each time."""
        return self.settings.contest.run(self.entry, steps)

    def units(self) -> int:
        """How many units an update reads."""
        return self.settings.contest.units(self.entry)


def measure_speeds(trials: list[Trial], report: Report) -> list[Row]:
    """Training speeds in units a second: one update of each model in turn, so that noise hits all alike.

    The first updates (compiling, allocating) are not timed. A model that cannot train is told as failed.
    """
    prepare(trials[0].settings.threads())
    warm, failed = {}, []
    for trial in trials:
        try:
            warm[trial] = _warmed(trial)
        except InputError as error:
            failed.append({"kind": "failed", "during": "speed", "model": trial.model, "why": str(error)})
    return failed + [{"model": trial.model, "units_per_second": trial.units() / median(times)}
                     for trial, times in _timed(warm).items()]


def _warmed(trial: Trial) -> Iterator[Any]:
    updates = iter(trial.run(steps=10_000))
    for _ in range(WARM):
        next(updates)
    return updates


def _timed(updates: dict[Trial, Iterator[Any]]) -> dict[Trial, list[float]]:
    """Seconds of each update, a cycle over all models after the other."""
    times = {trial: [] for trial in updates}
    cycles, began = 0, time.perf_counter()
    while cycles < CYCLES or time.perf_counter() - began < TIMED * len(updates):
        for trial, following in updates.items():
            start = time.perf_counter()
            next(following)
            times[trial].append(time.perf_counter() - start)
        cycles += 1
    return times


def train_slice(trial: Trial, steps: int, turn: int, turns: int, report: Report) -> list[Row]:
    """Go on from the last checkpoint to the end of this turn of so many, save, and score on the validation part."""
    contest, before = trial.settings.contest, _resident()
    prepare(trial.settings.threads())
    run, checkpoints = trial.run(steps), Checkpoints(trial.checkpoints, keep=1)
    checkpoints.restore(run)
    began = time.perf_counter()
    _go_on(run, steps * turn // turns, report)
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before
    checkpoints.save(run)
    if contest.keeps_best or turn == turns:
        contest.save(trial.entry, run.model, trial.kept(turn))
    return [{"step": run.step, "units": run.step * trial.units(), "score": contest.validate(trial.entry, run.model),
             "train_loss": run.smoothed_loss, "wall_seconds": seconds, "peak_memory_bytes": max(peak, 0)}]


def final_score(trial: Trial, turn: int, report: Report) -> list[Row]:
    """What the model of that turn, now the trained one, comes to on the test part, and what it costs to stream it."""
    contest, entry = trial.settings.contest, trial.entry
    prepare(trial.settings.threads())
    if not trial.trained.exists():
        trial.trained.parent.mkdir(parents=True, exist_ok=True)
        trial.kept(turn).replace(trial.trained)
    trained = contest.load(entry, trial.trained)
    return [{**asdict(contest.test(entry, trained)), "turn_kept": turn,
             "step_ms": _step_ms(contest.stepper(entry, trained)), "state_bytes": contest.state_bytes(entry, trained),
             "parameters": sum(p.numel() for p in trained.parameters())}]


def baseline_scores(settings: Settings, name: str, report: Report) -> list[Row]:
    """What comes of one baseline, or why it does not fit these data."""
    prepare(settings.threads())
    try:
        return list(settings.contest.baseline(name))
    except InputError as error:
        return [{"left_out": str(error)}]


def _go_on(run: Run, until: int, report: Report) -> None:
    """Train up to that update, telling now and then which share of the way is done.

    Ends where whoever asked is gone: nobody may train beside a comparison begun again.
    """
    parent, first, told = os.getppid(), run.step, time.perf_counter()
    if run.step >= until:
        return
    for record in run:
        if record.step == until:
            return
        if os.getppid() != parent:
            raise SystemExit("the comparison is gone")
        if time.perf_counter() - told > TELL:
            told = time.perf_counter()
            report((record.step - first) / (until - first))


@torch.no_grad()
def _step_ms(step: Callable[[], object]) -> float:
    """Median time of one step with one row, in milliseconds."""
    times = []
    while sum(times) < STREAMED:
        began = time.perf_counter()
        step()
        times.append(time.perf_counter() - began)
    return 1e3 * median(times)


def _resident() -> int:
    """Memory this process holds now, in bytes."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * resource.getpagesize()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
