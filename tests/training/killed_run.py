"""A training run that is killed again and again: a script, since a test cannot kill itself.

    python killed_run.py FOLDER tiny|language KILLS SEED

Forks a child that trains, saving after every third update, and kills it (SIGKILL): at odd turns after a random while,
at even turns at a random point inside a save: at any of its calls of the system, or with half of the file written. The
next child goes on from what is left. Whatever comes through must be, bit for bit, the run that nobody interrupted.
"""
import json
import os
import random
import signal
import stat
import sys
import time
import traceback
from pathlib import Path

import torch
from tiny import tiny_run

from reprise.core import files
from reprise.core.files import digest
from reprise.core.state import named_tensors
from reprise.training.checkpoint import Checkpoints
from reprise.training.optimisers import adamw
from reprise.training.run import Run
from reprise.training.schedules import WarmupDecay

STEPS, EVERY = 150, 3


def language_run():
    from reprise.data.batches import carried
    from reprise.data.corpora.text import Text
    from reprise.models.language_model import LanguageModel
    torch.manual_seed(1)
    model = LanguageModel(["gru", "mingru"], width=8, dropout=0.1)
    letters = bytes(torch.randint(97, 105, (1500,)).tolist())
    text = Text.of([letters[:700], letters[700:]])
    return Run(model, carried(text, batch=2, length=16, seed=4), adamw(model), WarmupDecay(STEPS, warmup=10))


def trained(build, folder: Path | None) -> str:
    """Trains to the end from where `folder` says; a digest of all that came out."""
    run = build()
    kept = Checkpoints(folder) if folder else None
    if kept:
        kept.restore(run)
    if run.step < STEPS:
        for record in run:
            if kept and record.step % EVERY == 0:
                kept.save(run)
            if record.step == STEPS:
                break
    state = {f"state {name}": tensor for name, tensor in named_tensors(run.state)}
    moments = {f"{i} {name}": m for i, ms in run.optimiser.state_dict()["state"].items() for name, m in ms.items()}
    return digest({**run.model.state_dict(), **state, **moments, "random": torch.get_rng_state()})


def deadly(point: int) -> None:
    """From now on, the `point`th thing that a save asks of the system is the last."""
    left = [point]

    def wrapped(call, before=None):
        def killing(*arguments, **options):
            left[0] -= 1
            if left[0] == 0:
                _ = before and before(*arguments)
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*arguments, **options)
        return killing

    def half_written(handle):
        if stat.S_ISREG(os.fstat(handle).st_mode):
            os.ftruncate(handle, os.fstat(handle).st_size // 2)

    os.fsync, os.replace, os.open = wrapped(os.fsync, half_written), wrapped(os.replace), wrapped(os.open)
    os.close, Path.unlink, Path.mkdir = wrapped(os.close), wrapped(Path.unlink), wrapped(Path.mkdir)
    files.save_tensors.__globals__["pack"] = wrapped(files.pack)


def child(build, folder: Path, point: int | None) -> int:
    handle = os.fork()
    if handle:
        return handle
    try:
        if point is not None:
            deadly(point)
        folder.with_suffix(".digest").write_text(trained(build, folder))
        os._exit(0)
    except BaseException:  # nothing of the parent's may run in the child
        traceback.print_exc()
        os._exit(1)


def killed(build, folder: Path, turn: int, chance: random.Random) -> int:
    """One child, to its end by whatever: its exit status."""
    handle = child(build, folder, chance.randrange(1, 40) if turn % 2 == 0 else None)
    if turn % 2:
        time.sleep(chance.uniform(0.002, 0.08))
        os.kill(handle, signal.SIGKILL)
    return os.waitpid(handle, 0)[1]


def main(folder: str, kind: str, kills: str, seed: str) -> None:
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    build = {"tiny": lambda: tiny_run(STEPS), "language": language_run}[kind]
    chance, place = random.Random(seed), Path(folder)
    expected = trained(build, None)
    count = turn = 0
    while count < int(kills):
        turn += 1
        status = killed(build, place, turn, chance)
        if os.WIFSIGNALED(status):
            count += 1
        elif os.WEXITSTATUS(status):
            sys.exit(f"a child failed after {count} kills")
        else:  # it came through: start over
            check(place, expected, count)
            for path in place.iterdir():
                path.unlink()
    _, status = os.waitpid(child(build, place, None), 0)
    check(place, expected, count)
    print(json.dumps({"kills": count, "turns": turn}))


def check(place: Path, expected: str, count: int) -> None:
    found = place.with_suffix(".digest")
    if found.read_text() != expected:
        sys.exit(f"after {count} kills the run came out differently")
    found.unlink()


if __name__ == "__main__":
    main(*sys.argv[1:])
