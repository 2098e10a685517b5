"""A stack is a layer made of layers: whichever, in whatever order, each with its own options."""
import pytest
import torch

from reprise import create_layer
from reprise.core.errors import InputError
from reprise.core.layer import SequenceLayer
from reprise.core.state import named_tensors
from reprise.layers.linear.hgrn import HGRN
from reprise.models.stack import Block, Stack


def test_a_hybrid_holds_its_layers_in_order():
    stack = Stack(["gru", ("retnet", {"heads": 4}), "mamba", ["lru", {"hidden": 6}]], 8)
    assert [type(block.layer).__name__ for block in stack.blocks] == ["GRU", "RetNet", "Mamba", "LRU"]
    assert stack.blocks[1].layer.memory_shape == (4, 2, 2)
    assert stack.blocks[3].layer.memory_shape == (6,)


def test_the_state_is_the_tuple_of_its_layers_states():
    stack, x = Stack(["gru", ("retnet", {"heads": 4}), "rg_lru"], 8), torch.randn(2, 5, 8)
    start = stack.initial_state(2)
    _, end = stack(x)
    for state in (start, end):
        assert type(state) is tuple and len(state) == 3
        for block, part in zip(stack.blocks, state, strict=True):
            assert type(part) is type(block.layer.initial_state(2))
    assert end[1].memory.position.tolist() == [5, 5]


def test_a_stack_is_its_blocks_one_above_the_other():
    stack, x = Stack(["gru", "mingru"], 6), torch.randn(2, 7, 6)
    y, (first, second) = stack(x)
    between, first_alone = stack.blocks[0](x)
    want, second_alone = stack.blocks[1](between)
    assert torch.equal(y, want)
    assert torch.equal(first.memory, first_alone.memory) and torch.equal(second.memory, second_alone.memory)


def by_hand(block, x):
    x = x + block.layer(block.before_layer(x))[0]
    return x if block.channel is None else x + block.channel(block.before_channel(x))


@pytest.mark.parametrize("channel", [None, "glu", "mlp", ("glu", {"hidden": 5})], ids=str)
def test_a_block_is_two_residuals(channel):
    (block,), x = Stack(["elman"], 6, channel=channel).blocks, torch.randn(2, 7, 6)
    assert torch.equal(block(x)[0], by_hand(block, x))
    assert (block.channel is None) == (channel is None) == (block.before_channel is None)


def test_channel_options_reach_the_mixer():
    stack = Stack(["gru", "gru"], 6, channel=("glu", {"hidden": 5}))
    assert [block.channel.gate.out_features for block in stack.blocks] == [5, 5]
    assert stack.blocks[0].channel is not stack.blocks[1].channel


def test_dropout_acts_in_training_only():
    stack, x = Stack(["gru", "gru"], 16, dropout=0.5), torch.randn(2, 7, 16)
    assert not torch.equal(stack(x)[0], stack(x)[0])
    stack.eval()
    assert torch.equal(stack(x)[0], stack(x)[0])


def test_every_layer_is_told_its_place_once(monkeypatch):
    told = []
    monkeypatch.setattr(SequenceLayer, "placed", lambda self, index, depth: told.append((self, index, depth)))
    stack = Stack(["gru", "lstm", "gru"], 4)
    assert told == [(block.layer, i, 3) for i, block in enumerate(stack.blocks)]


def test_places_matter_to_those_who_ask():
    stack = Stack(["hgrn"] * 4, 4)
    floors = [torch.sigmoid(block.layer.bound).mean().item() for block in stack.blocks]
    assert floors == pytest.approx([0.01, 0.25, 0.5, 0.75])
    assert isinstance(stack.blocks[0].layer, HGRN)


def test_a_stack_inside_a_block():
    inner = Stack(["gru", "retnet"], 8)
    block, x = Block(8, inner), torch.randn(2, 9, 8)
    y, state = block(x)
    first, middle = block(x[:, :4])
    rest, end = block(x[:, 4:], middle)
    torch.testing.assert_close(torch.cat([first, rest], 1), y)
    torch.testing.assert_close(end, state)


def test_options_rebuild_a_stack():
    stack = Stack(["gru", ("retnet", {"heads": 4})], 8, channel=None)
    twin = Stack(**stack.options)
    twin.load_state_dict(stack.state_dict())
    x = torch.randn(1, 5, 8)
    assert torch.equal(twin(x)[0], stack(x)[0])


@pytest.mark.parametrize(("arguments", "message"), [
    (([], 8), "expected at least one layer, got an empty list"),
    ((["gru", "gruu"], 8), "no layer is named 'gruu'; did you mean 'gru'"),
    ((["gru"], 8, "gluu"), "no channel mixer is named 'gluu'; did you mean 'glu'"),
    ((["gru"], 8, ""), "no channel mixer is named ''"),
    (([("retnet", {"head": 2})], 8), "retnet has no option 'head'; did you mean 'heads'"),
    (([("retnet", {"heads": 3})], 8), "width=8 is not divisible by heads=3; try heads=2"),
    ((["gru"], 0), "gru: expected a width of 1 or more, got 0"),
    ((["retnet", {"heads": 2}], 8), r"expected a name, or \(name, options\) as in .*, got \{'heads': 2\}"),
    (([("gru",)], 8), r"expected a name, .* got \('gru',\)"), (([3], 8), "expected a name, .* got 3"),
    ((["gru"], 8, ("glu", {"size": 3})), "glu has no option 'size'")], ids=str)
def test_errors_say_what_can_be_built(arguments, message):
    with pytest.raises(InputError, match=message):
        Stack(*arguments)


def test_a_state_of_another_stack_is_refused():
    stack = Stack(["gru", "gru"], 4)
    x = torch.zeros(2, 3, 4)
    for wrong in (Stack(["gru"], 4).initial_state(2), stack.initial_state(3), create_layer("gru", 4).initial_state(2)):
        with pytest.raises(InputError, match="Stack: this state does not fit"):
            stack(x, wrong)


@torch.no_grad()
def test_steps_block_by_block_in_machine_code():
    stack = Stack(["gru", ("retnet", {"heads": 2}), "lru"], 16).eval()
    assert {block.prepare_step(2) for block in stack.blocks} == {"machine code"}
    x = torch.randn(2, 6, 16)
    whole, end = stack(x)
    state, outputs = stack.initial_state(2), []
    for x_t in x.unbind(1):
        y, state = stack.step(x_t, state)
        outputs.append(y)
    torch.testing.assert_close(torch.stack(outputs, 1), whole, rtol=1e-5, atol=1e-5)
    for (name, got), (_, want) in zip(named_tensors(state), named_tensors(end), strict=True):
        torch.testing.assert_close(got, want, rtol=1e-5, atol=1e-5, msg=name)
    with pytest.raises(InputError, match="state does not fit"):
        stack.step(x[:, 0], state[:2])
