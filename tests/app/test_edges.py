"""Ends that are not errors, folders in use, and files that are called as something else."""
import os
import subprocess
import sys

import pytest

import reprise.app.train
import reprise.app.write
from reprise.app.cli import main
from reprise.core.errors import InputError
from reprise.lab.folder import sole_use
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


def test_interrupted_says_that_it_goes_on(capsys, prose, tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(reprise.app.train, "train_model", interrupted)
    code, said = ending(capsys, "train", str(prose), "--out", str(tmp_path / "out"))
    assert code == 130 and "the same command goes on from here" in said


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
