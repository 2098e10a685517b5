"""A state saved in one process goes on in another, bit for bit, and only with the model that made it."""
import subprocess
import sys

import pytest
import torch

from reprise import create_layer
from reprise.core.errors import InputError
from reprise.core.files import load_tensors, save_tensors
from reprise.core.state import fork, map_state, named_tensors
from reprise.core.state_file import fingerprint, load_state, save_state, saved_position
from reprise.models.stack import Stack

OTHER_PROCESS = """
import sys
from pathlib import Path
import torch
from reprise.core.files import save_tensors
from reprise.core.state import named_tensors
from reprise.core.state_file import load_state, save_state, saved_position
from reprise.models.stack import Stack

torch.set_num_threads(1)
folder = Path(sys.argv[1])
torch.manual_seed(0)
model = Stack(["gru", "rg_lru", ("retnet", {"heads": 2}), "mamba", "lru"], 8)
x = torch.randn(2, 40, 8, generator=torch.Generator().manual_seed(1))
with torch.no_grad():
    state = load_state(folder / "state", model)
    y, state = model(x[:, saved_position(folder / "state"):], state)
save_tensors(folder / "rest", {"y": y, **dict(named_tensors(state, "state"))}, {"kind": "rest"})
save_state(folder / "after", state, model, 40)
"""


def stack():
    torch.manual_seed(0)
    return Stack(["gru", "rg_lru", ("retnet", {"heads": 2}), "mamba", "lru"], 8)


@pytest.mark.timeout(120)
def test_goes_on_in_another_process(tmp_path):
    model, x = stack(), torch.randn(2, 40, 8, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        _, state = model(x[:, :17])
        save_state(tmp_path / "state", state, model, position=17)
        want, end = model(x[:, 17:], state)
    subprocess.run([sys.executable, "-W", "error", "-c", OTHER_PROCESS, str(tmp_path)], check=True, timeout=110)
    rest, _ = load_tensors(tmp_path / "rest", "rest")
    assert torch.equal(rest.pop("y"), want)
    for name, tensor in named_tensors(end, "state"):
        assert torch.equal(rest.pop(name), tensor), name
    assert not rest
    back = load_state(tmp_path / "after", model)
    assert all(torch.equal(a, b) for (_, a), (_, b) in zip(named_tensors(back), named_tensors(end), strict=True))
    assert saved_position(tmp_path / "after") == 40


@pytest.fixture
def saved(tmp_path):
    """A GRU, its state after a few steps, and the file."""
    torch.manual_seed(0)
    layer = create_layer("gru", 4)
    _, state = layer(torch.randn(3, 5, 4))
    save_state(tmp_path / "state", state, layer, 5)
    return layer, state, tmp_path / "state"


def heavier(layer):
    with torch.no_grad():
        layer.from_x.bias[0] += 1e-6
    return layer


def test_comes_back_as_it_was(saved):
    layer, state, path = saved
    back = load_state(path, layer)
    assert type(back) is type(state) and back.local == ()
    assert torch.equal(back.memory, state.memory) and not back.memory.requires_grad
    assert saved_position(path) == 5


def test_the_file_says_what_it_is(saved):
    layer, _, path = saved
    tensors, about = load_tensors(path, "state")
    assert list(tensors) == ["memory"]
    assert about == {"kind": "state", "position": 5, **fingerprint(layer)}
    assert (about["model"], about["options"], about["dtype"]) == ("GRU", {"width": 4}, "float32")


@pytest.mark.parametrize(("other", "message"), [
    (lambda layer: create_layer("mingru", 4), "its model is GRU, here it is MinGRU"),
    (lambda layer: create_layer("gru", 5), r"its options is \{'width': 4\}, here it is \{'width': 5\}"),
    (lambda layer: layer.double(), "its dtype is float32, here it is float64"),
    (heavier, "its weights is .*; pass other_weights=True to carry on all the same")],
    ids=["another layer", "other options", "another precision", "other weights"])
def test_a_state_of_another_model_is_refused(saved, other, message):
    layer, _, path = saved
    with pytest.raises(InputError, match=f"this state belongs to another model: {message}"):
        load_state(path, other(layer))


def test_other_weights_are_accepted_when_asked(saved):
    layer, state, path = saved
    back = load_state(path, heavier(layer), other_weights=True)
    assert torch.equal(back.memory, state.memory)


@pytest.mark.parametrize("other", [lambda layer: create_layer("gru", 5), lambda layer: layer.double(),
                                   lambda layer: create_layer("elman", 4)], ids=["options", "precision", "layer"])
def test_other_weights_excuse_nothing_else(saved, other):
    layer, _, path = saved
    with pytest.raises(InputError, match="belongs to another model"):
        load_state(path, other(layer), other_weights=True)


def test_options_of_a_hybrid_are_part_of_it(tmp_path):
    model = stack()
    save_state(tmp_path / "state", model.initial_state(2), model)
    load_state(tmp_path / "state", stack())
    other = Stack(["gru", "rg_lru", ("retnet", {"heads": 4}), "mamba", "lru"], 8)
    with pytest.raises(InputError, match="its options is"):
        load_state(tmp_path / "state", other)


def test_any_number_of_rows(saved, tmp_path):
    layer, state, _ = saved
    for rows in (layer.initial_state(0), layer.initial_state(1), fork(state, 4)):
        save_state(tmp_path / "rows", rows, layer)
        assert torch.equal(load_state(tmp_path / "rows", layer).memory, rows.memory)


def test_a_state_that_the_model_does_not_carry(saved, tmp_path):
    layer, state, _ = saved
    for wrong in (map_state(lambda s: s[:, :3], state), map_state(lambda s: s.double(), state), (), (*state, state)):
        save_state(tmp_path / "wrong", wrong, layer)
        with pytest.raises(InputError, match=r"the state holds .*, the model carries .*; it was saved by another"):
            load_state(tmp_path / "wrong", layer)


def test_a_damaged_file(saved, tmp_path):
    layer, state, path = saved
    data = path.read_bytes()
    header = len(data) - state.memory.numel() * 4
    for place in (0, 20, 100, header - 1, header, len(data) - 1):
        (tmp_path / "bad").write_bytes(data[:place] + bytes([data[place] ^ 4]) + data[place + 1:])
        with pytest.raises(InputError, match="tensor 'memory' is damaged" if place >= header else "header"):
            load_state(tmp_path / "bad", layer)
    (tmp_path / "bad").write_bytes(data[:-3])
    with pytest.raises(InputError, match="cut short"):
        load_state(tmp_path / "bad", layer)


def test_files_of_another_kind(saved, tmp_path):
    layer, _, _ = saved
    save_tensors(tmp_path / "model", layer.state_dict(), {"kind": "model"})
    for ask in (lambda path: load_state(path, layer), saved_position):
        with pytest.raises(InputError, match="expected a file of kind 'state', got 'model'"):
            ask(tmp_path / "model")
        with pytest.raises(InputError, match="nowhere: cannot be read"):
            ask(tmp_path / "nowhere")


def test_a_state_does_not_care_how_it_is_computed(tmp_path):
    plain = create_layer("gru", 4)
    solved = create_layer("gru", 4, solver="newton")
    solved.load_state_dict(plain.state_dict())
    _, state = plain(torch.randn(2, 3, 4))
    save_state(tmp_path / "state", state, plain, position=3)
    assert torch.equal(load_state(tmp_path / "state", solved).memory, state.memory)


def test_a_state_that_grows_comes_back_as_long_as_it_was(tmp_path):
    layer = create_layer("full_attention", 4)
    for steps in (0, 3):
        _, state = layer(torch.randn(2, steps, 4))
        save_state(tmp_path / "state", state, layer, steps)
        back = load_state(tmp_path / "state", layer)
        assert back.memory.k.shape == (2, steps, 2, 2) and torch.equal(back.memory.k, state.memory.k)
    narrow = state._replace(memory=state.memory._replace(k=state.memory.k[..., :1]))
    save_state(tmp_path / "narrow", narrow, layer)
    with pytest.raises(InputError, match=r"the model carries .*'any', 2, 2"):
        load_state(tmp_path / "narrow", layer)
