"""One model and seed of a comparison, in a process of its own: its speed, a slice of training, the final score."""
import os
import resource
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import torch

from reprise.app.comparison.settings import Settings
from reprise.app.process import prepare
from reprise.core.errors import InputError
from reprise.core.state import count_bytes
from reprise.data import carried, evaluation
from reprise.models.language_model import LanguageModel
from reprise.training.checkpoint import Checkpoints
from reprise.training.objectives import evaluate
from reprise.training.optimisers import adamw
from reprise.training.run import Run
from reprise.training.schedules import WarmupDecay

__all__ = ["Trial", "final_score", "measure_speeds", "train_slice"]

VALID_BYTES, TEST_BYTES, LANES = 24_000, 120_000, 16  # read for a point of the curve, and for the final score
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
    def name(self) -> str:
        return f"{self.model}-{self.seed}"

    @property
    def trained(self) -> Path:
        """Where the trained model is, in the end."""
        return self.folder / "models" / self.name

    def run(self, steps: int) -> Run:
        """The training run at its beginning, the same each time."""
        s = self.settings
        torch.manual_seed(self.seed)
        model = LanguageModel(self.model, s.width, s.depth, s.channel).to(s.device)
        schedule = WarmupDecay(steps, warmup=min(max(steps // 20, 1), 200), floor=0.05)
        return Run(model, carried(s.corpus().train, s.batch, s.length, self.seed), adamw(model, s.rate), schedule)


def measure_speeds(trials: list[Trial], report: Report) -> list[Row]:
    """Training speeds in bytes a second: one update of each model in turn, so that noise hits all alike.

    The first updates (compiling, allocating) are not timed. A model that cannot train is told as failed.
    """
    settings = trials[0].settings
    prepare(settings.threads())
    warm, failed = {}, []
    for trial in trials:
        try:
            warm[trial.model] = _warmed(trial)
        except InputError as error:
            failed.append({"kind": "failed", "during": "speed", "model": trial.model, "why": str(error)})
    read = settings.batch * settings.length
    return failed + [{"model": m, "bytes_per_second": read / median(times)} for m, times in _timed(warm).items()]


def _warmed(trial: Trial) -> Iterator[Any]:
    updates = iter(trial.run(steps=10_000))
    for _ in range(WARM):
        next(updates)
    return updates


def _timed(updates: dict[str, Iterator[Any]]) -> dict[str, list[float]]:
    """Seconds of each update, a cycle over all models after the other."""
    times = {model: [] for model in updates}
    cycles, began = 0, time.perf_counter()
    while cycles < CYCLES or time.perf_counter() - began < TIMED * len(updates):
        for model, following in updates.items():
            start = time.perf_counter()
            next(following)
            times[model].append(time.perf_counter() - start)
        cycles += 1
    return times


def train_slice(trial: Trial, steps: int, until: int, report: Report) -> list[Row]:
    """Go on from the last checkpoint up to update `until` of `steps`, save, and score on validation text."""
    settings, before = trial.settings, _resident()
    prepare(settings.threads())
    run, checkpoints = trial.run(steps), Checkpoints(trial.folder / "checkpoints" / trial.name, keep=1)
    checkpoints.restore(run)
    began = time.perf_counter()
    _go_on(run, until, report)
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before
    checkpoints.save(run)
    if until == steps:
        run.model.save_pretrained(trial.trained, data=settings.corpus().name)
    score = evaluate(run.model, evaluation(settings.corpus().valid, LANES, settings.length, VALID_BYTES))
    return [{"step": run.step, "bytes": run.step * settings.batch * settings.length, "bits_per_byte": score,
             "train_loss": run.smoothed_loss, "wall_seconds": seconds, "peak_memory_bytes": max(peak, 0)}]


def final_score(trial: Trial, report: Report) -> list[Row]:
    """Bits per byte of the trained model on test text, and what it costs to stream it."""
    settings = trial.settings
    prepare(settings.threads())
    trained = LanguageModel.from_pretrained(trial.trained).to(settings.device)
    score = evaluate(trained, evaluation(settings.corpus().test, LANES, settings.length, TEST_BYTES))
    return [{"bits_per_byte": score, "step_ms": _step_ms(trained), "state_bytes": count_bytes(trained.initial_state(1)),
             "parameters": sum(p.numel() for p in trained.parameters())}]


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
def _step_ms(model: LanguageModel) -> float:
    """Median time of one step with one row, in milliseconds."""
    state, token, times = model.initial_state(1), torch.tensor([10], device=model.head.weight.device), []
    while sum(times) < STREAMED:
        began = time.perf_counter()
        logits, state = model.step(token, state)
        token = logits.argmax(-1)
        times.append(time.perf_counter() - began)
    return 1e3 * median(times)


def _resident() -> int:
    """Memory this process holds now, in bytes."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * resource.getpagesize()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
