"""`reprise compare` as a user runs it: killed at any moment, it goes on; a model that fails stops no other."""
import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from rich.progress import Progress

from reprise.app.comparison import engine, trial
from reprise.app.comparison.contest import Recipe
from reprise.app.comparison.engine import KEYS, SLICES, Comparison
from reprise.app.comparison.settings import Settings
from reprise.app.comparison.text import Text
from reprise.app.show import _tell
from reprise.core.errors import InputError
from reprise.lab.workers import Event, Task

MODELS = ("elman", "mingru")


@pytest.fixture
def prose(tmp_path):
    path = tmp_path / "prose.txt"
    chance = random.Random(0)
    words = ["state", "carries", "on", "where", "it", "stopped", "the", "quick", "fox", "jumps"]
    path.write_text("".join(" ".join(chance.choices(words, k=9)) + ".\n\n" for _ in range(900)))
    return path


def command(prose: Path, out: Path) -> list[str]:
    options = ["--budget", "1s", "--seeds", "2", "--width", "16", "--depth", "1", "--batch", "4", "--length", "32"]
    return [sys.executable, "-c", "from reprise.app.cli import main; main()", "compare", str(prose),
            "--models", ",".join(MODELS), "--out", str(out), *options]


def settings(prose: Path, width: int = 8, batch: int = 2, length: int = 16, **changed) -> Settings:
    recipe = Recipe(width=width, depth=1, batch=batch)
    return Settings(Text((str(prose),), length), MODELS, recipe, **{"budget": 1.0, "seeds": 1} | changed)


@pytest.mark.slow
def test_killed_anywhere_it_goes_on(tmp_path, prose):
    out, chance = tmp_path / "out", random.Random(1)
    environment = os.environ | {"REPRISE_CACHE": str(tmp_path / "cache")}
    for _ in range(4):
        running = subprocess.Popen(command(prose, out), env=environment, start_new_session=True,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(chance.uniform(2, 9))
        running.send_signal(signal.SIGKILL)
        running.wait()
    ended = subprocess.run(command(prose, out), env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    comparison = Comparison(settings(prose, seeds=2, width=16, batch=4, length=32), out)
    rows, found = comparison.rows, json.loads((out / "compare.json").read_text())
    counts = Counter(tuple(row.get(key) for key in ("kind", *KEYS)) for row in rows)
    assert set(counts.values()) == {1}, "a row is there twice"
    assert len(rows) == len(MODELS) * (len(comparison.rounds()) + 2 * SLICES + 2) + len(found["baselines"])
    assert [m["status"] for m in found["models"]] == ["done", "done"]
    assert all(len(m["curve"]) == 2 * SLICES for m in found["models"])
    page = (out / "report.html").read_text()
    assert len(page) < 500_000 and found["verdict"].split()[0] in page
    assert "Report:" in ended.stdout and not (out / "checkpoints").exists()


def test_a_failing_model_stops_no_other(tmp_path, prose, monkeypatch):
    def events(tasks, jobs, preload):
        for task in tasks:
            if task.key["kind"] == "baseline":
                yield Event(task, "failed", "no room") if task.key["of"] == "lzma" else Event(task, "done", [{}])
            elif task.key["kind"] == "speed":
                yield Event(task, "done", [{"model": model, "units_per_second": 900.0} for model in MODELS])
            elif task.key["model"] == "elman" and task.key["kind"] == "point":
                yield Event(task, "failed", "killed by signal 9")
            else:
                yield Event(task, "done", [{}])

    monkeypatch.setattr(engine, "run_tasks", events)
    comparison = Comparison(settings(prose, seeds=2), tmp_path / "out")
    list(comparison.run())
    assert comparison.failure("elman", 0) == "killed by signal 9" and comparison.failure("mingru", 1) is None
    assert list(comparison.trials()) == [("mingru", 0), ("mingru", 1)]
    assert {row["model"] for row in comparison.found("final")} == {"mingru"}
    assert len(comparison.found("point", model="mingru", seed=1)) == SLICES
    assert {row["of"] for row in comparison.found("baseline")} == {"n-grams", "zlib", "bz2"}


def test_compute_is_equal(tmp_path, prose, monkeypatch):
    """Bytes follow from the median of measured speeds; one wild measurement does not count."""
    comparison = Comparison(settings(prose, budget=10.0), tmp_path / "out")
    for turn, (slow, fast) in enumerate([(3200, 32_000), (3200, 32_000), (10**9, 1)]):
        comparison.rows += [{"kind": "speed", "model": m, "turn": turn, "units_per_second": s}
                            for m, s in zip(MODELS, (slow, fast), strict=True)]
    assert [comparison.steps(m) * 2 * 16 / comparison.speed(m) for m in MODELS] == [10.0, 10.0]


def test_another_comparison_is_refused(tmp_path, prose):
    Comparison(settings(prose), tmp_path / "out")
    Comparison(settings(prose), tmp_path / "out")
    with pytest.raises(InputError, match=r"holds another comparison \(budget was 1.0, is 2.0\)"):
        Comparison(settings(prose, budget=2.0), tmp_path / "out")


@pytest.mark.slow
def test_no_space_is_one_line(tmp_path, prose):
    """A disk that is full: here, no file may grow past so many bytes."""
    environment = os.environ | {"REPRISE_CACHE": str(tmp_path / "cache")}

    def run(most: int) -> subprocess.CompletedProcess:
        return subprocess.run(command(prose, tmp_path / "out"), env=environment, capture_output=True, text=True,
                              preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most)))

    for most, message in ((30_000, "cannot write to the cache folder"), (60_000, "no space left")):
        ended = run(most)
        assert ended.returncode == 2, ended.stderr
        assert ended.stderr.startswith("reprise: ") and ended.stderr.count("\n") == 1 and message in ended.stderr
    assert run(10**9).returncode == 0, "with space again, the same command goes on"


def test_a_model_that_cannot_train_is_told_with_the_speeds(tmp_path, prose, monkeypatch):
    def refuses(self, steps):
        if self.model == "elman":
            raise InputError("no such luck")
        return real(self, steps)

    real = trial.Trial.run
    monkeypatch.setattr(trial.Trial, "run", refuses)
    monkeypatch.setattr(trial, "prepare", lambda threads: None)
    monkeypatch.setattr(trial, "TIMED", 0.0)
    comparison = Comparison(settings(prose), tmp_path / "out")
    failed, measured = trial.measure_speeds([comparison.trial(model, 0) for model in MODELS], print)
    assert failed == {"kind": "failed", "during": "speed", "model": "elman", "why": "no such luck"}
    assert measured["model"] == "mingru" and measured["units_per_second"] > 0


def test_bars_end_full_however_often_a_trial_reports():
    task = Task({"kind": "point", "model": "elman", "seed": 0, "turn": 1}, len)
    said = [Event(task, "report", 0.25), Event(task, "report", 0.5), Event(task, "done", [{"score": 3.0}])]
    progress, under_way, seen = Progress(disable=True), {}, []
    line = progress.add_task("training", total=2)
    for event in [*said, Event(task, "report", 0.75), Event(task, "failed", "why")]:
        _tell(event, under_way, progress, {"point": line}, Text.measure)
        seen.append(progress.tasks[0].completed)
    assert seen == [0.25, 0.5, 1.0, 1.75, 2.0] and not under_way
