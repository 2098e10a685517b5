"""A saved model is the model, here or from the hub; what is not a saved model says so."""
import json
from pathlib import Path
from types import SimpleNamespace

import huggingface_hub
import pytest
import torch
from huggingface_hub.errors import RepositoryNotFoundError
from safetensors import safe_open

from reprise import LanguageModel, list_layers
from reprise.core.errors import InputError
from reprise.core.files import load_tensors, save_tensors
from reprise.models.pretrained import Pretrained
from reprise.models.tokens import TOKENS as VOCABULARIES

TOKENS = torch.tensor([list(b"saved and loaded")])
HYBRID = ["gru", ("retnet", {"heads": 4}), ("mamba", {"states": 3, "hidden": 6}), ["lru", {"r_max": 0.9}]]


class Other(Pretrained):
    def __init__(self, size: int = 2):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(size))


def build(layers="gru", **options):
    return LanguageModel(layers, **{"width": 8, "depth": 2} | options).eval()


def same(a, b):
    with torch.no_grad():
        return torch.equal(a(TOKENS)[0], b(TOKENS)[0])


@pytest.fixture
def saved(tmp_path):
    model = build()
    return model, model.save_pretrained(tmp_path / "model")


@pytest.mark.parametrize("layers", [*list_layers(), HYBRID], ids=[*list_layers(), "hybrid"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64], ids=str)
def test_comes_back_as_it_was(tmp_path, layers, dtype):
    model = build(layers, channel=("glu", {"hidden": 7}), dropout=0.1).to(dtype)
    back = LanguageModel.from_pretrained(model.save_pretrained(tmp_path / "deep" / "model"))
    assert same(model, back) and not back.training
    assert {p.dtype for p in back.parameters()} == {dtype}
    assert json.dumps(back.options) == json.dumps(model.options)
    assert back.generate("a", 5) == model.generate("a", 5)


def test_saved_twice_is_saved_the_same(saved, tmp_path):
    """Options come back as JSON has them (lists for tuples), and that changes nothing."""
    model = build(HYBRID)
    first = model.save_pretrained(tmp_path / "first")
    second = LanguageModel.from_pretrained(first).save_pretrained(tmp_path / "second")
    for name in ("model.safetensors", "config.json"):
        assert (first / name).read_bytes() == (second / name).read_bytes()


def test_the_folder_is_in_the_convention_of_the_hub(tmp_path):
    folder = build(HYBRID).save_pretrained(tmp_path, trained="not at all", bits=7.9)
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "model.safetensors"]
    config = json.loads((folder / "config.json").read_text())
    assert config["model"] == "LanguageModel" and config["trained"] == "not at all" and config["bits"] == 7.9
    assert config["options"] == json.loads(json.dumps(build(HYBRID).options))
    with safe_open(folder / "model.safetensors", "pt") as file:  # by the library of the convention, not ours
        assert set(file.keys()) == set(build(HYBRID).state_dict())


def test_a_file_will_do(saved):
    model, folder = saved
    assert same(LanguageModel.from_pretrained(folder / "model.safetensors"), model)
    assert same(LanguageModel.from_pretrained(str(folder)), model)


def test_config_is_for_people_and_the_weights_say_what_they_are(saved):
    model, folder = saved
    (folder / "config.json").unlink()
    assert same(LanguageModel.from_pretrained(folder), model)


def test_saving_over_an_older_model(saved):
    _, folder = saved
    newer = build("lstm")
    newer.save_pretrained(folder)
    assert same(LanguageModel.from_pretrained(folder), newer)


def test_a_damaged_file_names_the_tensor(saved):
    _, folder = saved
    path = folder / "model.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    header = json.loads(data[8:8 + int.from_bytes(data[:8], "little")])
    last = max((entry["data_offsets"][1], name) for name, entry in header.items() if name != "__metadata__")[1]
    path.write_bytes(data)
    with pytest.raises(InputError, match=f"tensor '{last}' is damaged; use another copy"):
        LanguageModel.from_pretrained(folder)


@pytest.mark.parametrize(("source", "message"), [
    ("nowhere", "nowhere: no such folder; give one that save_pretrained wrote, or a hub repository as owner/name"),
    ("/no/such/folder", "no such folder"), ("owner/unknown", "owner/unknown: neither a folder here nor a repository")])
def test_what_is_neither_folder_nor_repository(source, message):
    with pytest.raises(InputError, match=message):
        LanguageModel.from_pretrained(source)


def test_a_folder_without_a_model(tmp_path):
    with pytest.raises(InputError, match=r"model.safetensors: cannot be read \(no such file or directory\)"):
        LanguageModel.from_pretrained(tmp_path)


def test_a_model_of_another_class(tmp_path):
    Other().save_pretrained(tmp_path)
    with pytest.raises(InputError, match=r"holds a model of class Other, not LanguageModel; load it with Other\.from_"):
        LanguageModel.from_pretrained(tmp_path)
    assert Other.from_pretrained(tmp_path).weight.tolist() == [1, 1]


def test_a_file_of_another_kind(tmp_path):
    save_tensors(tmp_path / "model.safetensors", {"x": torch.ones(1)}, {"kind": "checkpoint"})
    with pytest.raises(InputError, match="expected a file of kind 'model', got 'checkpoint'"):
        LanguageModel.from_pretrained(tmp_path)


class Hub:
    """Stands in for huggingface_hub.HfApi: keeps what was uploaded, and how it was asked."""

    def __init__(self, shelf, refusal=None):
        self.shelf, self.asked, self.refusal = shelf, [], refusal

    def __call__(self, token=None):
        self.asked.append(("token", token))
        return self

    def create_repo(self, repository, *, private, exist_ok):
        self.asked.append(("create", repository, private, exist_ok))

    def upload_folder(self, *, repo_id, folder_path, commit_message):
        (self.shelf / repo_id).mkdir(parents=True)
        for path in Path(folder_path).iterdir():
            (self.shelf / repo_id / path.name).write_bytes(path.read_bytes())
        return f"https://hub/{repo_id}/commit/1"

    def snapshot_download(self, repository, *, revision, allow_patterns):
        self.asked.append(("download", repository, revision, allow_patterns))
        if self.refusal:
            raise self.refusal
        return str(self.shelf / repository)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    hub = Hub(tmp_path / "hub")
    monkeypatch.setattr(huggingface_hub, "HfApi", hub)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", hub.snapshot_download)
    return hub


def test_to_the_hub_and_back(hub):
    model = build(HYBRID)
    assert model.push_to_hub("owner/name", private=True, token="secret") == "https://hub/owner/name/commit/1"
    assert same(LanguageModel.from_pretrained("owner/name", revision="v2"), model)
    assert hub.asked == [("token", "secret"), ("create", "owner/name", True, True),
                         ("download", "owner/name", "v2", ["model.safetensors", "config.json", *VOCABULARIES])]
    assert b"secret" not in b"".join(path.read_bytes() for path in (hub.shelf / "owner" / "name").iterdir())


def test_a_folder_here_comes_before_the_hub(hub, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = build()
    model.save_pretrained("owner/name")
    assert same(LanguageModel.from_pretrained("owner/name"), model)
    assert not hub.asked


def test_the_hub_refuses(hub):
    answer = SimpleNamespace(headers={}, request=None, status_code=404)
    for refusal in (RepositoryNotFoundError("404", response=answer), TimeoutError("slow"), ConnectionError("none")):
        hub.refusal = refusal
        with pytest.raises(InputError, match=rf"that the hub gives \({type(refusal).__name__}\); check"):
            LanguageModel.from_pretrained("owner/name")


def test_a_repository_of_something_else(hub):
    folder = hub.shelf / "owner" / "name"
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"\x10" + bytes(30))
    with pytest.raises(InputError, match="not a reprise checkpoint"):
        LanguageModel.from_pretrained("owner/name")


def test_the_weights_are_readable_without_a_class(saved):
    model, folder = saved
    tensors, about = load_tensors(folder / "model.safetensors", "model")
    assert tensors.keys() == model.state_dict().keys()
    assert about["options"]["layers"] == "gru"
