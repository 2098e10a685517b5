"""Truncated backpropagation: the whole where the span is the whole, the plain definition where it is not."""
import pytest
import torch
from torch import nn

from reprise.core.errors import InputError
from reprise.layers import create_layer
from reprise.training.gradients import RealTime
from reprise.training.through_time.truncation import through_time


def build(name="elementwise_lstm", T=13):
    torch.manual_seed(0)
    layer, head = create_layer(name, 4).double(), nn.Linear(4, 2).double()
    x, target = torch.randn(3, T, 4, dtype=torch.float64), torch.randn(3, T, 2, dtype=torch.float64)

    def loss(y, first):
        return (head(y) - target[:, first : first + y.shape[1]]).square().sum()

    return layer, head, x, loss


def gradients(*modules):
    return torch.cat([p.grad.flatten() for m in modules for p in m.parameters()])


@pytest.mark.parametrize("span", [None, 13, 40])
def test_a_span_of_the_whole_is_backpropagation(span):
    layer, head, x, loss = build()
    y, _ = layer(x)
    loss(y, 0).backward()
    want = gradients(layer, head)
    layer.zero_grad(), head.zero_grad()
    found, state = through_time(layer, x, loss, span=span)
    torch.testing.assert_close(gradients(layer, head), want)
    torch.testing.assert_close(found, y.detach())
    assert not found.requires_grad and not state.memory.requires_grad


@pytest.mark.parametrize(("name", "span"), [("gru", 1), ("gru", 5), ("elementwise_lstm", 4), ("mingru", 6)])
def test_equals_its_definition_step_by_step(name, span):
    """One step at a time by hand, the state cut at every multiple of the span."""
    layer, head, x, loss = build(name)
    state, total = layer.initial_state(3), 0.0
    for t in range(13):
        if t % span == 0:
            state = state._replace(memory=state.memory.detach())
        y, state = layer(x[:, t : t + 1], state)
        total = total + loss(y, t)
    total.backward()
    want = gradients(layer, head)
    layer.zero_grad(), head.zero_grad()
    y, after = through_time(layer, x, loss, span=span)
    torch.testing.assert_close(gradients(layer, head), want)
    torch.testing.assert_close(after.memory, state.memory.detach())


def test_real_time_is_the_same_sequence_with_a_head_a_carried_start_and_resets():
    layer, head, x, loss = build(T=20)
    resets = torch.zeros(3, 20, dtype=torch.bool)
    resets[0, 7] = resets[1, 0] = resets[2, 19] = True
    y, state = through_time(layer, x, loss, resets=resets)
    want = gradients(layer, head)
    layer.zero_grad(), head.zero_grad()
    online = RealTime(layer)
    found, carried = online.sequence(x, loss, resets=resets)
    torch.testing.assert_close(gradients(layer, head), want, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(found, y)
    torch.testing.assert_close(online.state(carried).memory, state.memory)

    layer.zero_grad(), head.zero_grad()
    shifted = lambda y, first: loss(y, first + 8)  # noqa: E731
    _, carried = online.sequence(x[:, :8], loss, resets=resets[:, :8])
    online.sequence(x[:, 8:], shifted, carried, resets=resets[:, 8:])
    torch.testing.assert_close(gradients(layer, head), want, rtol=1e-9, atol=1e-9)


def test_nothing_of_a_fresh_row_is_owed():
    layer, _, x, loss = build()
    online = RealTime(layer)
    _, carried = online.sequence(x, loss)
    fresh = online.restart(carried, torch.tensor([True, False, False]))
    assert not fresh.memory[0].any() and all(not S[0].any() and S[1:].any() for S in fresh.owed.values())
    assert torch.equal(fresh.memory[1:], carried.memory[1:])


def test_what_lies_below_the_cell_is_not_reached():
    """Half of its gradient, through the readout, would be there; so none is."""
    layer, _, x, loss = build()
    below = nn.Linear(4, 4).double()
    RealTime(layer).sequence(below(x), loss)
    assert all(p.grad is None for p in below.parameters())


def test_edges():
    layer, _, x, loss = build()
    y, state = through_time(layer, x[:, :0], loss)
    assert y.shape == (3, 0, 4) and not state.memory.any()
    with pytest.raises(InputError, match="span of 1 step or more, got 0"):
        through_time(layer, x, loss, span=0)
