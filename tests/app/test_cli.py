"""Whatever a user gets wrong ends in one clear line and exit code 2; whatever is right prints what was asked for."""
import re

import pytest

import reprise.app.train
import reprise.app.write
from reprise.app.cli import main
from reprise.models.language_model import LanguageModel


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("REPRISE_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    for command in (reprise.app.train, reprise.app.write):  # what it sets would stay for the tests after these
        monkeypatch.setattr(command, "prepare", lambda threads: None)


@pytest.fixture
def prose(tmp_path):
    path = tmp_path / "prose.txt"
    path.write_text("".join(f"line {i}: the quick brown fox jumps over the lazy dog\n\n" for i in range(600)))
    return path


def ending(capsys, *arguments: str) -> tuple[int, str]:
    """Exit code and standard error of the command."""
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    return ended.value.code or 0, capsys.readouterr().err


def refused(capsys, *arguments: str) -> str:
    code, said = ending(capsys, *arguments)
    assert code == 2 and said.startswith("reprise: ") and said.count("\n") == 1, (code, said)
    return said


@pytest.mark.parametrize(("arguments", "message"), [
    (["compare", "nothere.txt"], "nothere.txt"),
    (["compare", "tiny-shakespear"], "did you mean 'tiny-shakespeare'"),
    (["compare", "--models", "gruu"], "did you mean 'gru'"),
    (["compare", "--models", "gru,gru"], "names one twice"),
    (["compare", "--budget", "soon"], "expected a time such as 30s, 10m or 1h, got 'soon'"),
    (["compare", "--budget=-3s"], "expected a time"),
    (["compare", "--seeds", "0"], "seeds: expected more than 0, got 0"),
    (["compare", "--seeds", "three"], "--seeds"),
    (["compare", "--channel", "glue"], "rmoe or none, got 'glue'"),
    (["compare", "--device", "abacus"], "'abacus' is not to be had here"),
    (["compare", "--bogus"], "--bogus"),
    (["compar"], "Did you mean 'compare'"),
    (["train", "nothere.txt"], "nothere.txt"),
    (["train", "--model", ""], "--model: expected at least one layer, got ''"),
    (["train", "--model", " ,"], "--model: expected at least one layer, got ' ,'"),
    (["train", "--model", "gru,mingru", "--depth", "2"], "2 names in --model are 2 layers already"),
    (["generate", "nothere"], "nothere"),
    (["generate", "nothere", "--top-p", "2"], "top_p: expected a probability"),
    (["layers", "gruu"], "did you mean 'gru'"),
    (["layers", "z*"], "no layer matches 'z*'"),
    (["prove", "nothere.py:Layer"], "nothere.py: no such file"),
])
def test_mistakes_end_in_one_line(capsys, arguments, message):
    assert message in refused(capsys, *arguments)


@pytest.mark.parametrize(("content", "message"), [
    (b"", "empty"),
    (b"too short", "at least 10,000"),
    (bytes(range(256)) * 100, "--binary"),
    (b"\x7fELF" + bytes(20_000), "--binary"),
])
def test_unusable_files(capsys, tmp_path, content, message):
    path = tmp_path / "given"
    path.write_bytes(content)
    assert message in refused(capsys, "compare", str(path), "--out", str(tmp_path / "out"))
    assert not (tmp_path / "out").exists(), "a refusal leaves nothing behind"


def test_a_folder_in_use_is_not_written_to(capsys, tmp_path, prose):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("mine")
    said = refused(capsys, "compare", str(prose), "--out", str(tmp_path / "out"))
    assert "is not empty and holds no comparison" in said


def test_not_a_model(capsys, tmp_path):
    (tmp_path / "model.safetensors").write_text("surely not")
    assert "damaged or no safetensors" in refused(capsys, "generate", str(tmp_path))


def test_train_generate_and_go_on(capsys, tmp_path, prose):
    out = str(tmp_path / "out")
    size = ["--width", "16", "--depth", "1", "--batch", "4", "--length", "32", "--out", out]
    assert ending(capsys, "train", str(prose), "--model", "mingru", "--steps", "6", *size)[0] == 0
    weights = (tmp_path / "out" / "model.safetensors").read_bytes()
    assert ending(capsys, "train", str(prose), "--model", "mingru", "--steps", "6", *size)[0] == 0
    assert (tmp_path / "out" / "model.safetensors").read_bytes() == weights, "nothing was left to do"
    assert "steps was 6, is 7" in refused(capsys, "train", str(prose), "--model", "mingru", "--steps", "7", *size)
    with pytest.raises(SystemExit):
        main(["generate", out, "--prompt", "line é", "--length", "20", "--seed", "3"])
    written = capsys.readouterr().out
    assert written.startswith("line é") and len(written) > len("line é")
    (drawn,) = LanguageModel.from_pretrained(out).generate("line é", 20, temperature=0.8, top_p=0.95, seed=3)
    assert written == "line é" + drawn.decode(errors="replace") + "\n"


def test_train_a_known_hybrid(capsys, tmp_path, prose):
    out = str(tmp_path / "out")
    size = ["--width", "8", "--depth", "3", "--batch", "2", "--length", "16", "--steps", "1", "--out", out]
    for _ in range(2):  # the second time it is found done
        assert ending(capsys, "train", str(prose), "--model", "samba", *size)[0] == 0
    layers = [type(block.layer).__name__ for block in LanguageModel.from_pretrained(out).stack.blocks]
    assert layers == ["Mamba", "LocalAttention", "Mamba"]


def test_train_several_layers_from_first_to_last(capsys, tmp_path, prose):
    size = ["--width", "8", "--batch", "2", "--length", "16", "--steps", "1", "--out", str(tmp_path / "out")]
    assert ending(capsys, "train", str(prose), "--model", "gru,mingru,gru", *size)[0] == 0
    blocks = LanguageModel.from_pretrained(tmp_path / "out").stack.blocks
    assert [type(block.layer).__name__ for block in blocks] == ["GRU", "MinGRU", "GRU"]


def test_layers_lists_and_tells(capsys):
    with pytest.raises(SystemExit):
        main(["layers"])
    assert "mingru" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["layers", "rg_lru"])
    told = capsys.readouterr().out
    assert "2402.19427" in told and re.search(r"h_t = a", told) and "Options" in told


def test_prove_says_what_is_broken(capsys, tmp_path):
    (tmp_path / "mine.py").write_text(
        "from reprise.layers.linear.mingru import MinGRU\n"
        "class Good(MinGRU):\n    pass\n"
        "class Bad(MinGRU):\n    def run(self, x, state, marks):\n"
        "        return super().run(x, self.initial_state(len(x)), marks)\n"
        "class Unbuildable(MinGRU):\n    def __init__(self, width, other):\n        super().__init__(width)\n")
    with pytest.raises(SystemExit) as ended:
        main(["prove", f"{tmp_path}/mine.py:Good"])
    assert not ended.value.code and "All 22 laws hold" in capsys.readouterr().out
    with pytest.raises(SystemExit) as ended:
        main(["prove", f"{tmp_path}/mine.py:Bad"])
    assert ended.value.code == 1 and "any split is the whole" in capsys.readouterr().out
    assert "did you mean 'Good'" in refused(capsys, "prove", f"{tmp_path}/mine.py:Godo")
    assert "other than the width a default" in refused(capsys, "prove", f"{tmp_path}/mine.py:Unbuildable")


def test_help_shows_examples(capsys):
    for command in ("compare", "train", "generate", "layers", "prove"):
        with pytest.raises(SystemExit) as ended:
            main([command, "--help"])
        assert not ended.value.code
        assert f"reprise {command}" in capsys.readouterr().out


def test_generate_counts_tokens(capsys):
    with pytest.raises(SystemExit):
        main(["generate", "--help"])
    told = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "Tokens to write" in told and "likeliest token" in told and "owner/name" in told
