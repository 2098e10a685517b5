"""A step as machine code is the step: every layer, every way in which it could have gone stale."""
import copy
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import nn

from reprise.bases import stepping
from reprise.bases.cell import Cell
from reprise.core.errors import InputError
from reprise.core.state import growing, map_state, named_tensors
from reprise.layers import create_layer, list_layers
from reprise.models.stack import Stack

MACHINE_CODE = "machine code"
LONG_WAY = {"urn": "index_put", "linear_cde": "constant_pad_nd"}  # what there is no machine code for


@pytest.fixture(autouse=True)
def _without_gradients():
    with torch.no_grad():
        yield


def prepared(name, width=24, batch=1, dtype=torch.float32, **options):
    torch.manual_seed(0)
    layer = create_layer(name, width, **options).to(dtype)
    for p in layer.parameters():
        p.detach().add_(0.02 * torch.randn_like(p))  # nothing is left at zero, where a mistake would not show
    assert layer.prepare_step(batch).endswith(LONG_WAY.get(name, MACHINE_CODE)) or growing(layer.initial_state(batch))
    return layer


def plain_step(layer, x, state):
    with torch.enable_grad():
        return map_state(torch.Tensor.detach, layer.step(x, state))


def assert_close(found, wanted, tolerance):
    for (name, got), (_, want) in zip(named_tensors(found), named_tensors(wanted), strict=True):
        assert got.dtype == want.dtype and got.shape == want.shape, name
        torch.testing.assert_close(got, want, rtol=tolerance, atol=tolerance, msg=lambda m, name=name: f"{name}: {m}")


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("name", list_layers())
def test_every_layer_steps_as_it_runs(name, batch, dtype):
    layer = prepared(name, batch=batch, dtype=dtype)
    x = torch.randn(batch, 9, layer.width, dtype=dtype)
    whole, end = layer(x)
    state, outputs = layer.initial_state(batch), []
    for x_t in x.unbind(1):
        y, state = layer.step(x_t, state)
        outputs.append(y)
    tolerance = 1e-10 if dtype == torch.float64 else 3e-5
    assert_close((torch.stack(outputs, 1), state), (whole, end), tolerance)


@pytest.mark.parametrize("width", [1, 2, 17, 40])
@pytest.mark.parametrize("name", ["gru", "lru", "mamba", "retnet", "rwkv7"])
def test_widths_that_fill_no_register(name, width):
    layer = prepared(name, width)
    x, state = torch.randn(1, width), map_state(torch.randn_like, layer.initial_state(1)) if name == "gru" else (
        layer.initial_state(1))
    assert_close(layer.step(x, state), plain_step(layer, x, state), 3e-5)


def test_code_takes_over_after_many_steps():
    layer = create_layer("mingru", 8)
    state, x = layer.initial_state(1), torch.randn(1, 8)
    for _ in range(stepping.MANY + 1):
        assert 1 not in stepping.STEPS.get(layer, stepping.Steps(layer)).codes
        _, state = layer.step(x, state)
    assert stepping.STEPS[layer].codes[1].why == MACHINE_CODE
    assert_close(layer.step(x, state), plain_step(layer, x, state), 1e-5)


def test_state_is_a_value():
    layer = prepared("gated_deltanet")
    x, before = torch.randn(1, 24), layer.initial_state(1)
    kept = map_state(torch.clone, before)
    y, after = layer.step(x, before)
    again = layer.step(x, before)
    assert_close(before, kept, 0)
    assert_close((y, after), again, 0)
    assert not {z.data_ptr() for _, z in named_tensors(after)} & {z.data_ptr() for _, z in named_tensors(again[1])}


def change_in_place(layer):
    layer.gate.weight.mul_(2)


def change_parameter(layer):
    layer.gate.weight = nn.Parameter(2 * layer.gate.weight)


def change_data(layer):
    layer.gate.weight.data = 2 * layer.gate.weight.data


def load(layer):
    layer.load_state_dict({name: 2 * z for name, z in layer.state_dict().items()})


def train(layer):
    with torch.enable_grad():
        layer(torch.randn(1, 3, 24))[0].sum().backward()
    torch.optim.SGD(layer.parameters(), lr=1.0).step()


def change_what_was_worked_out(layer):
    layer.log_A.add_(1.0)


@pytest.mark.parametrize("change", [change_in_place, change_parameter, change_data, load, train,
                                    change_what_was_worked_out])
def test_parameters_may_change(change):
    layer = prepared("mamba")
    x, state = torch.randn(1, 24), layer.initial_state(1)
    _, state = layer.step(x, state)
    before = layer.step(x, state)
    change(layer)
    after = layer.step(x, state)
    assert_close(after, plain_step(layer, x, state), 1e-5)
    assert not torch.equal(after[0], before[0])
    assert stepping.STEPS[layer].codes[1].program(x, state) is not None


def test_changes_in_inference_mode_are_seen():
    layer = prepared("mingru")
    x, state = torch.randn(1, 24), layer.initial_state(1)
    with torch.inference_mode():
        layer.step(x, state)
        layer.gate.bias.add_(1.0)
        found = layer.step(x, state)
    assert_close(found, plain_step(layer, x, state), 1e-5)


def test_what_it_was_not_made_for_goes_the_long_way():
    layer, x = prepared("gru"), torch.randn(1, 24)
    assert layer.step(torch.randn(2, 24), layer.initial_state(2))[0].shape == (2, 24)
    with torch.autocast("cpu", torch.bfloat16):
        found, want = layer.step(x, layer.initial_state(1)), plain_step(layer, x, layer.initial_state(1))
    assert_close(found, want, 0)


def test_a_layer_may_be_cast_and_shrink():
    layer, x = prepared("gru"), torch.randn(1, 24)
    state = layer.initial_state(1)
    layer.double()
    with pytest.raises(InputError, match=r"float32.*float64"):
        layer.step(x, state)
    assert layer.step(x.double(), layer.initial_state(1))[0].dtype == torch.float64
    layer.float()
    assert_close(layer.step(x, state), plain_step(layer, x, state), 1e-5)


def test_a_state_that_lies_otherwise_is_taken_all_the_same():
    layer = prepared("retnet", batch=2)
    x, state = torch.randn(24, 2).T, layer.initial_state(2)
    _, state = layer.step(x, state)
    turned = map_state(lambda z: z.transpose(-1, -2).contiguous().transpose(-1, -2) if z.ndim > 2 else z, state)
    assert_close(layer.step(x, turned), plain_step(layer, x, state), 1e-5)


def test_hooks_are_called():
    layer, seen = prepared("mingru"), []
    layer.gate.register_forward_hook(lambda *_: seen.append(1))
    layer.step(torch.randn(1, 24), layer.initial_state(1))
    assert seen == [1]


def test_dropout_goes_on_falling_out():
    stack = Stack(["mingru"], 16, dropout=0.5)
    block, x = stack.blocks[0], torch.randn(1, 16)
    state = block.initial_state(1)
    assert "draws at random" in block.prepare_step()
    assert not torch.equal(block.step(x, state)[0], block.step(x, state)[0])
    stack.eval()
    assert block.prepare_step() == MACHINE_CODE
    assert torch.equal(block.step(x, state)[0], block.step(x, state)[0])
    stack.train()
    assert not torch.equal(block.step(x, state)[0], block.step(x, state)[0])


def test_copies_and_files_know_nothing_of_it(tmp_path):
    layer = prepared("lru")
    state, x = layer.initial_state(1), torch.randn(1, 24)
    twin = copy.deepcopy(layer)
    twin.D.add_(1.0)
    assert not torch.equal(twin.step(x, state)[0], layer.step(x, state)[0])
    assert "program" not in str(layer.__dict__.keys()) and set(layer.state_dict()) == set(twin.state_dict())


@pytest.mark.parametrize("wrong", [(), "state", (torch.zeros(1, 24),)])
def test_a_wrong_state_is_still_an_error(wrong):
    layer = prepared("mingru")
    with pytest.raises(InputError, match=r"state|tree"):
        layer.step(torch.randn(1, 24), wrong)


def test_threads_do_not_meet():
    layer = prepared("mamba")
    inputs = torch.randn(4, 200, 1, 24)

    def run(x):
        with torch.no_grad():
            state = layer.initial_state(1)
            for x_t in x:
                y, state = layer.step(x_t, state)
            return y

    alone = [run(x) for x in inputs]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(run, inputs))
    assert all(torch.equal(a, b) for a, b in zip(alone, together, strict=True))


class Looks(Cell):
    """Does what its memory says, which no recording can follow."""

    def __init__(self, width):
        super().__init__(width, (width,))
        self.from_x = nn.Linear(width, width)

    def advance(self, p, memory):
        return memory + p if memory.sum() > 0 else memory - p


class Sorts(Cell):
    def __init__(self, width):
        super().__init__(width, (width,))
        self.from_x = nn.Linear(width, width)

    def advance(self, p, memory):
        return (memory + p).sort(-1).values


@pytest.mark.parametrize("kind", [Looks, Sorts])
def test_layers_there_is_no_code_for_keep_stepping(kind):
    layer = kind(8)
    assert layer.prepare_step().startswith("torch, since there is no machine code for")
    state = layer.initial_state(1)
    for x in torch.randn(stepping.MANY + 5, 1, 8):
        want = plain_step(layer, x, state)
        got = layer.step(x, state)
        assert_close(got, want, 0)
        state = got[1]
