"""Statistics of states and bits by position: against a model read step by step, and left as it was."""
import math

import pytest
import torch
from torch.testing import assert_close

from reprise import LanguageModel, create_layer
from reprise.analysis.state_monitor import StateMonitor, bits_by_position, by_octave
from reprise.core.errors import InputError
from reprise.core.state import named_tensors
from reprise.data.batches import IGNORED


@pytest.fixture
def model():
    torch.manual_seed(0)
    return LanguageModel(["gla", "gru"], width=8, depth=2, vocabulary=9, dropout=0.5).double()


def test_states_are_those_of_the_model_read_step_by_step(model):
    tokens = torch.randint(0, 9, (2, 11))
    watched = StateMonitor(model, every=4).read(tokens)
    assert watched.steps.tolist() == [4, 8, 11] and model.training
    model.eval()
    state = model.initial_state(2)
    for t, token in enumerate(tokens.unbind(1)):
        _, state = model.step(token, state)
        if t + 1 in (4, 8, 11):
            n = [4, 8, 11].index(t + 1)
            for name, z in named_tensors(state):
                for b in range(2):
                    assert_close(watched.norm[name][n, b], z[b].square().sum().sqrt())
                    assert_close(watched.mean[name][n, b], z[b].mean())
                    assert_close(watched.variance[name][n, b], z[b].flatten().var(correction=0))


def test_a_layer_alone():
    layer = create_layer("lstm", 4).double()
    x = torch.randn(2, 6, 4, dtype=torch.float64)
    watched, (_, state) = StateMonitor(layer, 3).read(x), layer(x)
    for name, z in named_tensors(state):
        assert_close(watched.norm[name][-1], z.norm(dim=1))


def test_heads_one_by_one():
    layer = LanguageModel([("gla", {"heads": 2})], width=8, vocabulary=9).double()
    tokens = torch.randint(0, 9, (3, 5))
    whole, parts = (StateMonitor(layer, 5, heads=heads).read(tokens) for heads in (False, True))
    (name,) = whole.norm
    assert set(parts.norm) == {f"{name}.head 0", f"{name}.head 1"}
    assert_close(sum(z.square() for z in parts.norm.values()), whole.norm[name].square())


def test_what_is_complex_counts_as_two():
    layer = create_layer("lru", 4).double()
    x = torch.randn(2, 6, 4, dtype=torch.float64)
    watched, (_, state) = StateMonitor(layer, 3).read(x), layer(x)
    assert_close(watched.norm["memory"][-1], state.memory.abs().square().sum(1).sqrt())
    assert_close(watched.mean["memory"][-1], (state.memory.real + state.memory.imag).mean(1) / 2)


def test_only_a_memory_has_heads():
    tokens = torch.randint(0, 9, (3, 5))
    watched = StateMonitor(LanguageModel([("deltanet", {"heads": 2})], width=8, vocabulary=9), 5, heads=True)
    assert set(watched.read(tokens).norm) == {"0.local.memory", "0.memory.head 0", "0.memory.head 1"}


@pytest.mark.parametrize("chunk", [1, 4, 100])
def test_bits_by_position(model, chunk):
    tokens = torch.randint(0, 9, (3, 14))
    bits = bits_by_position(model, tokens[:, :-1], tokens[:, 1:], chunk)
    model.eval()
    p = model(tokens[:, :-1])[0].log_softmax(-1)
    want = [-sum(p[b, t, tokens[b, t + 1]].item() for b in range(3)) / 3 / math.log(2) for t in range(13)]
    assert_close(bits, torch.tensor(want, dtype=torch.float64))


def test_positions_without_a_target_say_nothing(model):
    x, y = torch.randint(0, 9, (2, 2, 5))
    masked = y.clone()
    masked[:, 1], masked[0, 3] = IGNORED, IGNORED
    bits, every = bits_by_position(model, x, masked), bits_by_position(model, x, y)
    assert bits[1].isnan() and by_octave(bits, 2)[0][2] == pytest.approx(bits[0].item())
    assert_close(bits[[0, 2, 4]], every[[0, 2, 4]])
    assert_close(bits[3], bits_by_position(model, x[1:], y[1:])[3])


def test_octaves():
    bits = torch.arange(11.0)
    assert by_octave(bits, 2) == [(0, 2, 0.5), (2, 4, 2.5), (4, 8, 5.5), (8, 11, 9.0)]
    assert by_octave(bits[:1], 2) == [(0, 1, 0.0)]


def test_misuse(model):
    with pytest.raises(InputError, match="every of 1 or more, got 0"):
        StateMonitor(model, 0)
    with pytest.raises(InputError, match=r"got \(2, 3\) and \(2, 4\)"):
        bits_by_position(model, torch.zeros(2, 3, dtype=torch.long), torch.zeros(2, 4, dtype=torch.long))
