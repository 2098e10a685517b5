"""Files of others: whole, in pieces, in torch's format; and what is said of those that are damaged or others."""
import json
import pickle
from pathlib import Path

import huggingface_hub
import pytest
import torch
from safetensors.torch import save_file

import reprise
from reprise.core.errors import InputError

TOKENS = torch.tensor([[3, 1, 4, 1, 5]])
CONFIG = {"model_type": "mamba", "hidden_size": 6, "state_size": 4, "num_hidden_layers": 2, "vocab_size": 11,
          "intermediate_size": 12, "time_step_rank": 2, "eos_token_id": 7}


def weights() -> dict[str, torch.Tensor]:
    shapes = {"A_log": (12, 4), "D": (12,), "conv1d.bias": (12,), "conv1d.weight": (12, 1, 4), "dt_proj.bias": (12,),
              "dt_proj.weight": (12, 2), "in_proj.weight": (24, 6), "out_proj.weight": (6, 12),
              "x_proj.weight": (10, 12)}
    found = {f"backbone.layers.{i}.mixer.{name}": 0.3 * torch.randn(shape) for i in (0, 1)
             for name, shape in shapes.items()}
    norms = ("backbone.norm_f", "backbone.layers.0.norm", "backbone.layers.1.norm")
    return found | {"backbone.embeddings.weight": torch.randn(11, 6)} | {f"{n}.weight": torch.rand(6) for n in norms}


@pytest.fixture
def folder(tmp_path) -> Path:
    save_file(weights(), tmp_path / "model.safetensors", {"format": "pt"})
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    return tmp_path


def logits(source, **options):
    with torch.no_grad():
        return reprise.from_pretrained(source, **options)(TOKENS)[0]


def rewrite(folder: Path, change) -> None:
    found = weights()
    change(found)
    save_file(found, folder / "model.safetensors", {"format": "pt"})


def configure(folder: Path, **entries) -> None:
    (folder / "config.json").write_text(json.dumps(CONFIG | entries))


def test_a_folder_a_file_and_a_text_of_either(folder):
    want = logits(folder)
    assert want.shape == (1, 5, 11) and want.std() > 0.05
    for source in (str(folder), folder / "model.safetensors", str(folder / "model.safetensors")):
        assert torch.equal(logits(source), want)
    model = reprise.from_pretrained(folder)
    assert not model.training and model.head is None and model.tokeniser is None


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16], ids=str)
def test_in_another_precision(folder, dtype):
    model = reprise.from_pretrained(folder, dtype=dtype)
    assert {p.dtype for p in model.parameters()} == {dtype}
    torch.testing.assert_close(model(TOKENS)[0].float(), logits(folder), rtol=0.1, atol=0.1)


@pytest.mark.parametrize("kind", ["safetensors", "torch"])
def test_in_pieces(folder, kind):
    want, found = logits(folder), weights_of(folder)
    (folder / "model.safetensors").unlink()
    names = sorted(found)
    halves = {"1": names[::2], "2": names[1::2]}
    base, write, end = {"safetensors": ("model", save_file, "safetensors"),
                        "torch": ("pytorch_model", torch.save, "bin")}[kind]
    for half, inside in halves.items():
        write({n: found[n].clone() for n in inside}, folder / f"{base}-{half}.{end}")
    places = {n: f"{base}-{half}.{end}" for half, inside in halves.items() for n in inside}
    index = folder / f"{base}.{end}.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": places}))
    assert torch.equal(logits(folder), want)
    index.write_text(json.dumps({"weight_map": places | {names[0]: f"{base}-2.{end}"}}))
    with pytest.raises(InputError, match=f"'{names[0]}' should be in '{base}-2.{end}' and is not"):
        logits(folder)
    index.write_text(json.dumps({"weight_map": places | {names[0]: f"../{base}-1.{end}"}}))
    with pytest.raises(InputError, match="and is not"):
        logits(folder)
    for text in ("{", "[]", '{"weight_map": 3}'):
        index.write_text(text)
        with pytest.raises(InputError, match=r"index\.json: damaged"):
            logits(folder)


def weights_of(folder):
    from safetensors.torch import load_file

    return load_file(folder / "model.safetensors")


def test_a_file_of_torchs(folder):
    want, found = logits(folder), weights_of(folder)
    (folder / "model.safetensors").unlink()
    torch.save(found, folder / "pytorch_model.bin")
    assert torch.equal(logits(folder), want)
    torch.save({"weights": found}, folder / "pytorch_model.bin")
    with pytest.raises(InputError, match="expected tensors by name, got a dict; give the weights alone"):
        logits(folder)


class Trap:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


@pytest.mark.parametrize("write", [torch.save, lambda what, path: path.write_bytes(pickle.dumps(what, 2))],
                         ids=["torch", "bare"])
def test_a_pickle_that_would_do_something_is_refused(folder, write):
    (folder / "model.safetensors").unlink()
    write(weights() | {"trap": Trap(folder / "sprung")}, folder / "pytorch_model.bin")
    with pytest.raises(InputError, match="holds more than tensors, or is damaged, and was not loaded"):
        logits(folder)
    assert not (folder / "sprung").exists()
    pickle.loads(pickle.dumps(Trap(folder / "sprung")))
    assert (folder / "sprung").exists(), "the trap works"


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_files_cut_short(folder, name, share):
    found, path = weights_of(folder), folder / name
    if name == "pytorch_model.bin":
        (folder / "model.safetensors").unlink()
        torch.save(found, path)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(InputError, match=f"{name}: .*(cut short|damaged)"):
        logits(folder)


@pytest.mark.parametrize(("change", "message"), [
    (lambda w: w.pop("backbone.layers.1.mixer.D"), r"1 weights are missing: backbone.layers.1.mixer.D; are"),
    (lambda w: w.update({"backbone.layers.2.mixer.D": torch.ones(3)}), "1 weights are not known: backbone.layers.2"),
    (lambda w: w.update({"backbone.norm_f.weight": torch.ones(5)}),
     r"1 weights are of another shape: backbone.norm_f.weight \(5,\), expected \(6,\)"),
    (lambda w: [w.pop(n) for n in list(w) if ".0.mixer." in n],
     r"9 weights are missing: backbone\S+, backbone\S+, backbone\S+, backbone\S+, \.\.\.;")], ids=range(4))
def test_weights_that_do_not_belong_to_the_configuration(folder, change, message):
    rewrite(folder, change)
    with pytest.raises(InputError, match=message):
        logits(folder)


@pytest.mark.parametrize(("entries", "message"), [
    ({"model_type": "llama"}, "type 'llama', which reprise does not read; known: mamba, falcon_mamba, mamba2"),
    ({"model_type": None, "architectures": ["GPT2LMHeadModel"]}, r"a model of type \['GPT2LMHeadModel'\]"),
    ({"use_bias": True}, "mamba with use_bias=True; ours has False there, always"),
    ({"hidden_size": 7}, "are of another shape"), ({"num_hidden_layers": 3}, "10 weights are missing"),
    ({"tie_word_embeddings": False}, "missing: lm_head.weight")], ids=str)
def test_configurations_of_something_else(folder, entries, message):
    configure(folder, **entries)
    with pytest.raises(InputError, match=message):
        logits(folder)


def test_configurations_that_are_none(folder):
    path = folder / "config.json"
    for text, message in (("{", "config.json: no JSON"), ("[]", "expected entries by name, got a list")):
        path.write_text(text)
        with pytest.raises(InputError, match=message):
            logits(folder)
    path.write_text(json.dumps({"model_type": "mamba"}))
    with pytest.raises(InputError, match="the configuration has no 'num_hidden_layers', which its model_type needs"):
        logits(folder)
    path.unlink()
    with pytest.raises(InputError, match=r"no config.json, and the weights have names that nobody here knows"):
        logits(folder)


def test_a_folder_without_weights(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    with pytest.raises(InputError, match=r"holds neither model.safetensors nor pytorch_model.bin"):
        logits(tmp_path)


def test_our_own_come_by_the_same_door(tmp_path):
    model = reprise.LanguageModel("gru", 8, 1, vocabulary=11).eval()
    folder = model.save_pretrained(tmp_path / "ours")
    assert torch.equal(logits(folder), model(TOKENS)[0])
    assert torch.equal(logits(folder / "model.safetensors"), model(TOKENS)[0])
    assert {p.dtype for p in reprise.from_pretrained(folder, dtype=torch.float64).parameters()} == {torch.float64}


def test_our_own_when_damaged(tmp_path):
    path = reprise.LanguageModel("gru", 8, 1).save_pretrained(tmp_path) / "model.safetensors"
    content = path.read_bytes()
    for i, message in ((12, "not a reprise checkpoint"), (-1, "tensor 'stack.*' is damaged")):
        damaged = bytearray(content)
        damaged[i] ^= 1
        path.write_bytes(damaged)
        with pytest.raises(InputError, match=message):
            logits(tmp_path)


def test_read_saved_and_read_again(folder, tmp_path):
    model = reprise.from_pretrained(folder)
    again = reprise.from_pretrained(model.save_pretrained(tmp_path / "again"))
    assert torch.equal(again(TOKENS)[0], model(TOKENS)[0])
    assert json.dumps(again.options) == json.dumps(model.options)


def test_from_the_hub(folder, monkeypatch):
    asked = []

    def snapshot_download(repository, *, revision, allow_patterns):
        asked.append((repository, revision, allow_patterns))
        return str(folder)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    assert torch.equal(logits("owner/name", revision="v1"), logits(folder))
    ((repository, revision, patterns),) = asked
    assert (repository, revision) == ("owner/name", "v1")
    assert {"config.json", "tokenizer.json", "*.safetensors"} <= set(patterns) and not any("bin" in p for p in patterns)
    torch.save(weights_of(folder), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    logits("owner/name")
    assert "pytorch_model*.bin" in asked[-1][2], "torch's format only where there is no other"
