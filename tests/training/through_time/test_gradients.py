"""Real-time recurrent learning: the gradient of backpropagation through time, without going back, in flat memory."""
import pytest
import torch
from torch import nn

from reprise.bases.cell import Cell
from reprise.core.errors import InputError
from reprise.core.state import named_tensors
from reprise.layers import create_layer
from reprise.training.gradients import RealTime

ELEMENTWISE = ["elementwise_lstm", "columnar", "indrnn", "swish_rnn"]


def build(name, width=5):
    torch.manual_seed(0)
    layer = create_layer(name, width).double()
    with torch.no_grad():
        for p in layer.parameters():
            p.add_(0.3 * torch.randn_like(p))  # away from where a gate rests, or a start is small
    return layer


def through_time(layer, x, loss):
    """Gradients by backpropagation, and outputs (T B D)."""
    layer.zero_grad()
    y = layer(x.transpose(0, 1))[0].transpose(0, 1)
    sum(loss(t, y_t) for t, y_t in enumerate(y)).backward()
    return {name: p.grad.clone() for name, p in layer.named_parameters()}, y.detach()


def in_real_time(layer, x, loss):
    layer.zero_grad()
    online = RealTime(layer)
    carried, ys = online.start(x.shape[1]), []
    for t, x_t in enumerate(x):
        y, carried = online.step(x_t, carried, lambda y, t=t: loss(t, y))
        ys.append(y)
    return {name: p.grad.clone() for name, p in layer.named_parameters()}, torch.stack(ys)


@pytest.mark.parametrize("width", [1, 2, 5])
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_equals_backpropagation_through_time(name, width):
    layer, x = build(name, width), torch.randn(70, 3, width, dtype=torch.float64)
    mix = torch.randn(70, 3, width, dtype=torch.float64)
    loss = lambda t, y: (y * mix[t]).sum() + y.square().sum()  # noqa: E731
    (got, y), (want, y_want) = in_real_time(layer, x, loss), through_time(layer, x, loss)
    torch.testing.assert_close(y, y_want, rtol=1e-10, atol=1e-10)
    for name in want:
        torch.testing.assert_close(got[name], want[name], rtol=1e-8, atol=1e-8)


def test_a_loss_at_the_end_alone_reaches_the_first_step():
    layer, x = build("elementwise_lstm"), torch.randn(40, 2, 5, dtype=torch.float64)
    loss = lambda t, y: y.sum() if t == 39 else 0 * y.sum()  # noqa: E731
    got, _ = in_real_time(layer, x, loss)
    want, _ = through_time(layer, x, loss)
    for name in want:
        torch.testing.assert_close(got[name], want[name], rtol=1e-8, atol=1e-10)


def test_what_is_carried_does_not_grow_and_is_not_changed():
    layer = build("columnar")
    online = RealTime(layer)
    carried = first = online.start(2)
    sizes, before = set(), [z.clone() for z in (first.memory, *first.owed.values())]
    for x_t in torch.randn(50, 2, 5, dtype=torch.float64):
        _, carried = online.step(x_t, carried)
        sizes.add(carried.memory.numel() + sum(z.numel() for z in carried.owed.values()))
    assert len(sizes) == 1
    assert all(torch.equal(z, b) for z, b in zip((first.memory, *first.owed.values()), before, strict=True))
    assert all(p.grad is None for p in layer.parameters()), "without a loss there is no gradient"


def test_the_memory_is_that_of_the_layer():
    layer, x = build("columnar"), torch.randn(9, 2, 5, dtype=torch.float64)
    online = RealTime(layer)
    carried = online.start(2)
    for x_t in x:
        _, carried = online.step(x_t, carried)
    _, state = layer(x.transpose(0, 1))
    for part, (_, want) in zip(carried.memory.unbind(1), named_tensors(state.memory), strict=True):
        torch.testing.assert_close(part, want)


def test_updates_on_the_way_learn_a_delay_that_truncation_cannot():
    """The input of six steps ago, with an update at every step: no gradient ever goes back."""
    torch.manual_seed(0)
    layer, readout = create_layer("elementwise_lstm", 8), nn.Linear(8, 8)
    online, carried = RealTime(layer), None
    optimiser = torch.optim.Adam([*layer.parameters(), *readout.parameters()], 0.01)
    losses, cue = [], torch.zeros(16)
    for step in range(1200):
        if step % 6 == 0:
            carried, cue = online.start(16), torch.randint(0, 2, (16,)).float() * 2 - 1
        x = torch.zeros(16, 8)
        x[:, 0], x[:, 1] = cue if step % 6 == 0 else 0.0, float(step % 6 == 5)
        optimiser.zero_grad()
        asked = step % 6 == 5
        loss = (lambda y, cue=cue: (readout(y)[:, 0] - cue).square().mean()) if asked else None
        y, carried = online.step(x, carried, loss)
        if asked:
            losses.append(loss(y).item())
            optimiser.step()
    assert sum(losses[-20:]) / 20 < 0.1 * sum(losses[:5]) / 5


class Crossed(Cell):
    """Elementwise in its memory, but every bias reaches two units."""

    def __init__(self, width):
        super().__init__(width, (width,))
        self.bias = nn.Parameter(torch.randn(width))

    def advance(self, p, memory):
        return torch.tanh(p + memory + self.bias + self.bias.roll(1))


@pytest.mark.parametrize("name", ["gru", "lstm", "elman", "lem", "lstm_peephole"])
def test_cells_whose_units_see_each_other_are_refused(name):
    with pytest.raises(InputError, match="see each other's memory; expected elementwise"):
        RealTime(build(name))


def test_other_misfits_are_refused():
    with pytest.raises(InputError, match="through 'bias'"):
        RealTime(Crossed(4))
    for name in ("mingru", "slstm", "sru"):
        with pytest.raises(InputError, match="expected a cell that looks back by its memory alone"):
            RealTime(create_layer(name, 4))
    for name in ("hippo_rnn", "lstm_fgr"):
        with pytest.raises(InputError, match="so many numbers for each unit"):
            RealTime(create_layer(name, 4))
    with pytest.raises(InputError, match="LTC see each other's memory"):
        RealTime(create_layer("ltc", 4))


def resting(name, width, change):
    """A float32 layer in which many derivatives are zero as it is."""
    layer = create_layer(name, width)
    with torch.no_grad():
        change(layer)
    return layer


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("name", "width", "change"), [
    ("indrnn", 64, lambda layer: None), ("indrnn", 128, lambda layer: layer.from_x.bias.fill_(-1.0)),
    ("elementwise_lstm", 128, lambda layer: [p.mul_(20) for p in layer.parameters()]),
    ("columnar", 64, lambda layer: None),
])
def test_units_are_found_where_they_rest(name, width, change, seed):
    torch.manual_seed(seed)
    layer, x = resting(name, width, change), 3 * torch.randn(8, 2, width)
    mix = torch.randn(8, 2, width)
    loss = lambda t, y: (y * mix[t]).sum()  # noqa: E731
    (got, _), (want, _) = in_real_time(layer, x, loss), through_time(layer, x, loss)
    for which in want:
        assert (got[which] - want[which]).norm() <= 1e-4 * want[which].norm(), which
    if name == "indrnn":
        rows = RealTime(layer).unit["from_x.weight"].view(width, width)
        assert torch.equal(rows, torch.arange(width)[:, None].expand(width, width))


@pytest.mark.parametrize("mixing", [torch.zeros(8, 8), torch.eye(8), torch.eye(8) + 1e-7 * torch.ones(8, 8)])
def test_units_that_could_see_each_other_are_refused_though_they_do_not_now(mixing):
    layer = resting("elman", 8, lambda layer: layer.from_h.weight.copy_(mixing))
    with pytest.raises(InputError, match="see each other's memory"):
        RealTime(layer)


def test_in_bfloat16_gradients_are_as_near_as_it_allows():
    layer, x = create_layer("elementwise_lstm", 16).bfloat16(), torch.randn(6, 2, 16, dtype=torch.bfloat16)
    loss = lambda t, y: y.float().square().sum()  # noqa: E731
    got, want = in_real_time(layer, x, loss)[0], through_time(layer, x, loss)[0]
    for name in want:
        assert (got[name] - want[name]).norm() <= 0.05 * want[name].norm()


class Odd(Cell):
    """What is odd about it is said by a number: 0, a weight that does nothing; 1, derivatives that are never finite."""

    def __init__(self, width, odd):
        super().__init__(width, (width,))
        self.odd, self.bias, self.used = odd, nn.Parameter(torch.randn(width)), torch.arange(width) > odd

    def advance(self, p, memory):
        bias = torch.where(self.used, self.bias, 0.0) if self.odd == 0 else self.bias * float("inf")
        return torch.tanh(p + memory + bias)


def test_what_cannot_be_found_out_is_refused():
    with pytest.raises(InputError, match="some numbers of 'bias' of Odd concern a unit and others none"):
        RealTime(Odd(4, 0))
    with pytest.raises(InputError, match="of Odd are not finite"):
        RealTime(Odd(4, 1))
