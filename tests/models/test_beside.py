"""What layers of a stack tell those above them about the same step: heard in one go, in pieces and by single steps."""
import pytest
import torch
from torch import nn

from reprise.bases.linear_recurrence import LinearRecurrence
from reprise.bases.stepping import FEW, MANY, STEPS
from reprise.core.channel import ChannelMixer
from reprise.core.errors import InputError
from reprise.core.marks import NO_MARKS
from reprise.core.state import named_tensors
from reprise.models.stack import Block, Stack
from reprise.testing import prove


class Residual(LinearRecurrence):
    """A leaky average of values, to which those of the first such layer are added: as RWKV-7 mixes them."""

    def __init__(self, width: int):
        super().__init__(width, (width,))
        self.value, self.share = nn.Linear(width, width), nn.Parameter(torch.full((width,), 0.3))

    def run(self, x, state, marks):
        y, state, _ = self.run_beside(x, state, marks, {})
        return y, state

    def run_beside(self, x, state, marks, beside):
        value = self.value(x)
        first = beside.get("residual.value", value)
        y, state = super().run(value + self.share * first, state, marks)
        return y, state, beside | {"residual.value": first}

    def project(self, x):
        return 0.5 + 0 * x, x


class Router(ChannelMixer):
    """A channel mixer that sums its gates over depth."""

    def __init__(self, width: int):
        super().__init__()
        self.width, self.gate = width, nn.Linear(width, width)

    def mix(self, x):
        return self.mix_beside(x, {})[0]

    def mix_beside(self, x, beside):
        gate = self.gate(x) + beside.get("router.gate", 0.0)
        return torch.sigmoid(gate) * x, beside | {"router.gate": gate}


class Talking(Stack):
    """Residual, minGRU, residual, residual, none of them registered."""

    def __init__(self, routed: bool = False):
        super().__init__(["mingru"] * 4, 4, channel=None)
        for i in (0, 2, 3):
            self.blocks[i].layer = Residual(4)
        for block in self.blocks if routed else ():
            block.channel, block.before_channel = Router(4), nn.RMSNorm(4)


@pytest.mark.parametrize("routed", [False, True])
def test_a_stack_whose_layers_talk_obeys_every_law(routed):
    prove(Talking(routed))


def by_hand(stack, x):
    first = None
    for block in stack.blocks:
        u, layer = block.before_layer(x), block.layer
        if isinstance(layer, Residual):
            value = layer.value(u)
            first = value if first is None else first
            mixed, h, outputs = value + layer.share * first, 0, []
            for t in range(x.shape[1]):
                h = 0.5 * h + mixed[:, t]
                outputs.append(h)
            x = x + torch.stack(outputs, 1)
        else:
            x = x + layer(u)[0]
    return x


def test_values_of_the_first_layer_reach_all_above():
    stack, x = Talking().double(), torch.randn(2, 5, 4).double()
    torch.testing.assert_close(stack(x)[0], by_hand(stack, x))


def test_a_stack_inside_a_block_hears_what_is_below():
    flat, x = Talking(), torch.randn(2, 5, 4)
    inner = Stack(["mingru"] * 2, 4, channel=None)
    inner.blocks[0], inner.blocks[1] = flat.blocks[2], flat.blocks[3]
    nested = Stack(["mingru"] * 3, 4, channel=None)
    nested.blocks[0], nested.blocks[1], nested.blocks[2].layer = flat.blocks[0], flat.blocks[1], inner
    nested.blocks[2].before_layer = nn.Identity()
    below, _, beside = Stack.run_beside(_first(nested, 2), x, nested.initial_state(2)[:2], NO_MARKS, {})
    want = below + inner.run_beside(below, inner.initial_state(2), NO_MARKS, beside)[0]
    assert torch.equal(nested(x)[0], want)
    assert not torch.allclose(below + inner(below)[0], want), "alone it hears nothing"


def _first(stack, blocks):
    part = Stack(["mingru"] * blocks, 4, channel=None)
    part.blocks = stack.blocks[:blocks]
    return part


def test_who_talks():
    silent, talking = Stack(["mingru"] * 2, 4), Talking()
    assert not silent.looks_beside() and talking.looks_beside() and Talking(routed=True).looks_beside()
    assert Block(4, talking).looks_beside() and not Block(4, silent).looks_beside()


def stepped(stack, x):
    state, outputs = stack.initial_state(len(x)), []
    for x_t in x.unbind(1):
        y, state = stack.step(x_t, state)
        outputs.append(y)
    return torch.stack(outputs, 1), state


@pytest.mark.parametrize("rows", [1, FEW, FEW + 1])
@torch.no_grad()
def test_many_steps_are_the_whole(rows):
    """More than it takes for single steps to be compiled, and as many rows as there is machine code for, or more."""
    stack, x = Talking(routed=True).eval(), torch.randn(rows, 2 * MANY, 4)
    y, end = stepped(stack, x)
    want, want_end = stack(x)
    torch.testing.assert_close(y, want, rtol=1e-5, atol=1e-5)
    for (name, got), (_, state) in zip(named_tensors(end), named_tensors(want_end), strict=True):
        torch.testing.assert_close(got, state, rtol=1e-5, atol=1e-5, msg=name)
    said = [[code for (_, names), code in STEPS[block].codes.items() if names or block is stack.blocks[0]]
            for block in stack.blocks]
    assert [len(codes) for codes in said] == [1] * 4
    assert [codes[0].why for codes in said] == ["machine code" if rows <= FEW else said[0][0].why] * 4
    if rows <= FEW:
        assert said[3][0].said == ("residual.value", "router.gate")


@torch.no_grad()
def test_compiled_steps_know_what_they_were_made_for():
    stack, x = Talking(routed=True).eval(), torch.randn(1, 2 * MANY, 4)
    _, state = stepped(stack, x)
    with torch.enable_grad():
        y, _ = stack.step(x[:, 0].clone().requires_grad_(), state)
    assert y.requires_grad
    with pytest.raises(InputError, match="state does not fit"):
        stack.step(x[:, 0], stack.initial_state(2))
    stack.blocks[0].layer.share.mul_(0)
    torch.testing.assert_close(stack.step(x[:, 0], state)[0], stack(x[:, :1], state)[0][:, 0], rtol=1e-5, atol=1e-5)


def test_what_is_handed_on_is_never_changed():
    stack, x, given = Talking(routed=True), torch.randn(1, 3, 4), {"other.word": torch.ones(1, 3, 1)}
    _, _, after = stack.run_beside(x, stack.initial_state(1), NO_MARKS, given)
    assert given.keys() == {"other.word"} and after.keys() == {"other.word", "residual.value", "router.gate"}
