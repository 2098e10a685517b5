"""Ends that are not errors, folders in use, and files that are called as something else."""
import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

import reprise.app.train
import reprise.app.write
from reprise.app import show
from reprise.app.cli import main
from reprise.app.comparison import engine
from reprise.app.comparison.settings import Settings
from reprise.app.comparison.text import Text
from reprise.core.errors import InputError
from reprise.lab.folder import sole_use
from reprise.lab.workers import Event, Task
from reprise.models.language_model import LanguageModel

RUN = "from reprise.app.cli import main; main()"


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("REPRISE_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    for command in (reprise.app.train, reprise.app.write):
        monkeypatch.setattr(command, "prepare", lambda threads: None)


@pytest.fixture
def model(tmp_path):
    return LanguageModel("mingru", 8, 1).save_pretrained(tmp_path / "model")


@pytest.fixture
def prose(tmp_path):
    path = tmp_path / "prose.txt"
    path.write_text("".join(f"line {i}: the quick brown fox jumps over the lazy dog\n\n" for i in range(600)))
    return path


def ending(capsys, *arguments: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    return ended.value.code or 0, capsys.readouterr().err


@pytest.mark.parametrize("options", [["--dropout", "2"], ["--dropout", "nan"], ["--every", "0"], ["--steps", "0"],
                                     ["--seed", str(2**64)], ["--width", str(10**9)], ["--device", "meta"],
                                     ["--rate", "nan"], ["--depth", "0"], ["--batch", "100000"]], ids=" ".join)
def test_plans_that_make_no_sense_leave_the_folder_free(capsys, prose, tmp_path, options):
    code, said = ending(capsys, "train", str(prose), *options, "--out", str(tmp_path / "out"))
    assert code == 2 and said.startswith("reprise: ") and said.count("\n") == 1, said
    assert not (tmp_path / "out").exists(), "the right options must be welcome in the same folder"


def test_help_for_want_of_a_command_is_no_complaint(capsys):
    assert ending(capsys) == (2, "")


RESUMED = "stopped; the same command goes on from here"


@pytest.mark.parametrize(("arguments", "inside", "message"), [
    (["train"], "train.train_model", RESUMED),
    (["compare"], "show.show_comparison", RESUMED),
    (["study", "run", "expressivity-battery"], "study.run_study", RESUMED),
    (["study", "report"], "study.report_studies", "stopped"),
    (["generate", "model"], "write.write_text", "stopped"),
    (["prove", "gru"], "prove.prove_target", "stopped"),
    (["bench"], "bench.run.measure", "stopped"),
    (["pages"], "pages.write_pages", "stopped"),
], ids=lambda given: " ".join(given) if isinstance(given, list) else "")
def test_interrupted_says_whether_it_goes_on(capsys, monkeypatch, arguments, inside, message):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(f"reprise.app.{inside}", interrupted)
    monkeypatch.setattr("reprise.app.process.prepare", lambda threads: None)
    assert ending(capsys, *arguments) == (130, f"reprise: {message}\n")


@pytest.mark.parametrize(("error", "message"), [
    (OSError(errno.ENOSPC, "No space left", "a"), "a: no space left; free space or choose another folder"),
    (OSError(errno.ENOSPC, "No space left"), "output: no space left; free space or choose another folder"),
    (PermissionError(errno.EACCES, "Denied", "a"), "a: denied; check its permissions or choose another"),
    (PermissionError(errno.EPERM, "Not permitted", "a"), "a: not permitted; check its permissions or choose another"),
    (FileNotFoundError(errno.ENOENT, "No such file", "a"), "a: no such file; check the path"),
    (NotADirectoryError(errno.ENOTDIR, "Not a directory", "a"), "a: not a directory"),
    (ConnectionError(errno.ECONNREFUSED, "Refused"), "refused"),
    (OSError("Nobody knows Why"), "Nobody knows Why"),
    (TimeoutError(), "TimeoutError"),
], ids=repr)
def test_the_remedy_is_that_of_the_reason(capsys, monkeypatch, error, message):
    def fails():
        raise error

    monkeypatch.setattr(show, "show_info", fails)
    assert ending(capsys, "info") == (2, f"reprise: {message}\n")


WHY = "RuntimeError: [enforce fail at alloc_cpu.cpp:117] can't [/b] allocate :snake:"


def test_what_failed_is_told_in_its_own_words(capsys):
    task = Task({"kind": "point", "model": "elman", "seed": 0}, len)
    with show.bars() as progress:
        line = progress.add_task("[/b]", total=1)
        show._tell(Event(task, "failed", WHY), {}, progress, {"point": line}, Text.measure)
    assert f"elman, seed 0 failed: {WHY}; the others go on" in " ".join(capsys.readouterr().out.split())


def test_broken_laws_are_told_in_their_own_words(capsys, tmp_path):
    (tmp_path / "mine.py").write_text(
        "from reprise.layers.linear.mingru import MinGRU\n"
        "class Bad(MinGRU):\n    def run(self, x, state, marks):\n        raise RuntimeError('no [red] and no [/b]')\n")
    with pytest.raises(SystemExit) as ended:
        main(["prove", f"{tmp_path}/mine.py:Bad"])
    said = " ".join(capsys.readouterr().out.split())
    assert ended.value.code == 1 and "[red]" in said and "[/b]" in said


def test_train_in_a_folder_with_brackets(capsys, prose):
    size = ["--width", "8", "--depth", "1", "--batch", "2", "--length", "16", "--steps", "1", "--out", "[/i]:snake:"]
    for said in ("the model is in [/i]:snake:", "going on from [/i]:snake:"):
        with pytest.raises(SystemExit) as ended:
            main(["train", str(prose), *size])
        assert not ended.value.code and said in " ".join(capsys.readouterr().out.split())


def test_compare_with_brackets(capsys, prose, tmp_path, monkeypatch, made_up):
    monkeypatch.setattr(show.Comparison, "run", lambda self: iter(()))
    monkeypatch.setattr(engine, "read_rows", lambda path: [{"kind": "none"}])
    monkeypatch.setattr(show, "summarise", lambda *_: made_up(points=4) | {"verdict": "[/b] is better"})
    data, out = prose.rename(tmp_path / "[red]:snake:.txt"), Path("[/i]:snake:")
    show.show_comparison(Settings(Text((str(data),)), Text.models, Text.recipe), out, "reprise compare")
    told = " ".join(capsys.readouterr().out.split())
    for said in ("[red]:snake:: 32,", f"going on with 1 results in {out}", "[/b] is better",
                 f"Report: {out}/report.html", f"Models: {out}/models", f"generate '{out}/models/gated_deltanet-0"):
        assert said in told



@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device of Linux")
@pytest.mark.parametrize("command", [["layers"], ["generate", "model", "--length", "3"]], ids=lambda c: c[0])
@pytest.mark.timeout(60)
def test_output_that_is_full(model, command):
    with open("/dev/full", "w") as full:
        done = subprocess.run([sys.executable, "-c", RUN, *command], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "no space left" in done.stderr


@pytest.mark.parametrize("command", [["layers"], ["generate", "model", "--length", "20000"]], ids=lambda c: c[0])
@pytest.mark.timeout(60)
def test_whoever_reads_may_stop(model, command):
    with subprocess.Popen([sys.executable, "-c", RUN, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        run.stdout.read(1)
        run.stdout.close()
        said = run.stderr.read()
    assert run.returncode == 0 and said == b""


def test_prompts_may_be_any_bytes(capsys, model):
    code, said = ending(capsys, "generate", str(model), "--prompt", os.fsdecode(b"\xff\xfe"), "--length", "3")
    assert (code, said) == (0, "")


def test_a_folder_in_use_is_left_alone(tmp_path):
    said = "in use by another reprise; wait for it, or choose another --out"
    with sole_use(tmp_path), pytest.raises(InputError, match=said), sole_use(tmp_path):
        raise AssertionError("two at work in one folder")
    with sole_use(tmp_path):
        pass


def test_proved_files_do_not_hide_modules(capsys, tmp_path):
    import random

    (tmp_path / "random.py").write_text("import sys\nsys.exit(3)\n")
    code, said = ending(capsys, "prove", "random.py:Layer")
    assert code == 2 and "cannot be imported: SystemExit: 3" in said
    assert sys.modules["random"] is random
