"""A model of events is one function in all its ways: whole, in pieces, by steps, padded and packed."""
import pytest
import torch

from reprise.core.errors import InputError
from reprise.core.state import named_tensors
from reprise.data.batches import IGNORED
from reprise.data.events.batches import UNTIMED, EventBatch, Events, Following
from reprise.models.events.event_model import EventModel
from reprise.training.objectives import next_event

CLOCKS = [("lognormal", {"components": 2}), ("hazard", {"edges": [0.5, 2.0], "rates": [1.0, 0.5, 0.1]})]


def build(layers="gru", clock=CLOCKS[0], **options):
    torch.manual_seed(0)
    return EventModel(layers, 4, 8, 2, clock=clock, attributes=[(0.0, 1.0), (3.0, 2.0)], **options).double()


def events(B, T, seed=0):
    g = torch.Generator().manual_seed(seed)
    gaps = torch.rand(B, T, generator=g, dtype=torch.float64) * (torch.rand(B, T, generator=g) < 0.7)
    attributes = torch.randn(B, T, 2, generator=g, dtype=torch.float64)
    attributes[:, ::3, 1] = torch.nan
    return Events(torch.randint(6, (B, T), generator=g), gaps, attributes)


def following(x):
    return Following(x.kinds.roll(-1, 1).clamp_max(4), x.gaps.roll(-1, 1))


def cut(tree, span):
    return type(tree)(*(part[:, span] for part in tree))


def cost_and_gradients(model, x, y, cuts):
    model.zero_grad()
    state, total, said = None, 0.0, []
    for first, end in zip([0, *cuts], [*cuts, x.kinds.shape[1]], strict=True):
        out, state = model(cut(x, slice(first, end)), state)
        kinds, times = model.costs(out, cut(y, slice(first, end)))
        total, said = total + kinds.sum() + times.sum(), [*said, out]
    total.backward()
    return [torch.cat([out.kinds for out in said], 1), torch.cat([out.clock for out in said], 1),
            *(tensor for _, tensor in named_tensors(state)), *(p.grad.clone() for p in model.parameters())]


@pytest.mark.parametrize("clock", CLOCKS, ids=lambda clock: clock[0])
@pytest.mark.parametrize("layers", ["gru", "mingru", ["gated_deltanet", "lstm"]], ids=str)
@pytest.mark.parametrize("cuts", [[1], [0, 4, 4, 7]], ids=str)
def test_pieces_are_the_whole(layers, clock, cuts):
    model, x = build(layers, clock), events(3, 9)
    pieces, whole = (cost_and_gradients(model, x, following(x), where) for where in (cuts, []))
    for piece, known in zip(pieces, whole, strict=True):
        torch.testing.assert_close(piece, known, rtol=1e-8, atol=1e-10)


def test_steps_are_the_whole():
    model, x = build(["lru", "gru"]), events(2, 6)
    with torch.no_grad():
        whole, end = model(x)
        state = model.initial_state(2)
        for t in range(6):
            said, state = model.step(Events(*(part[:, t] for part in x)), state)
            torch.testing.assert_close(said.kinds, whole.kinds[:, t])
            torch.testing.assert_close(said.clock, whole.clock[:, t])
    for (_, a), (_, b) in zip(named_tensors(state), named_tensors(end), strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("T", [0, 1])
def test_no_event_and_one(T):
    said, state = build()(events(2, T))
    assert said.kinds.shape == (2, T, 5) and said.clock.shape == (2, T, 7)
    assert all(len(tensor) == 2 for _, tensor in named_tensors(state))


def test_packed_and_padded_are_the_same_cases():
    model, x = build(), events(1, 9)
    y = following(x)
    first, second = slice(0, 4), slice(4, 9)
    packed = EventBatch(x, y, torch.tensor([[True, False, False, False, True, False, False, False, False]]))
    rows = [Events(*(torch.nn.functional.pad(p[0, :4], (0, 0) * (p.ndim - 2) + (0, 1)) for p in x)),
            Events(*(p[0, second] for p in x))]
    targets = [Following(torch.cat([y.kinds[0, first], torch.tensor([IGNORED])]),
                         torch.cat([y.gaps[0, first], torch.tensor([UNTIMED])])),
               Following(*(p[0, second] for p in y))]
    padded = EventBatch(Events(*(torch.stack(p) for p in zip(*rows, strict=True))),
                        Following(*(torch.stack(p) for p in zip(*targets, strict=True))), None, torch.tensor([4, 5]))
    one, other = next_event(model, packed), next_event(model, padded)
    torch.testing.assert_close(one.total, other.total)
    assert one.count == other.count == 9


def test_nothing_said_sees_what_comes_later():
    model, x = build(), events(1, 7)
    before, _ = model(x)
    for t in range(7):
        other = Events(x.kinds.clone(), x.gaps.clone(), x.attributes.clone())
        other.kinds[:, t], other.gaps[:, t], other.attributes[:, t] = (x.kinds[:, t] + 1) % 6, 9.0, 9.0
        after, _ = model(other)
        assert torch.equal(after.kinds[:, :t], before.kinds[:, :t])
        assert torch.equal(after.clock[:, :t], before.clock[:, :t])
        assert not torch.allclose(after.kinds[:, t], before.kinds[:, t])


def test_what_is_not_asked_for_costs_nothing():
    model, x = build(), events(2, 3)
    nothing = Following(torch.full((2, 3), IGNORED), torch.full((2, 3), UNTIMED).double())
    kinds, times = model.costs(model(x)[0], nothing)
    assert not kinds.any() and not times.any()


def test_it_is_saved(tmp_path):
    model = build().float().eval()
    again = EventModel.from_pretrained(model.save_pretrained(tmp_path))
    x = Events(*(part.float() if part.is_floating_point() else part for part in events(2, 5)))
    assert torch.equal(again(x)[0].kinds, model(x)[0].kinds) and torch.equal(again(x)[0].clock, model(x)[0].clock)


def test_a_log_without_times():
    model = EventModel("gru", 4, 8)
    said, _ = model(Events(torch.zeros(2, 3, dtype=torch.long), torch.zeros(2, 3), torch.zeros(2, 3, 0)))
    assert said.clock is None
    assert not model.costs(said, Following(torch.zeros(2, 3, dtype=torch.long), torch.full((2, 3), -1.0)))[1].any()


@pytest.mark.parametrize(("wrong", "message"), [
    (lambda: build()(Events(torch.zeros(2, dtype=torch.long), torch.zeros(2), torch.zeros(2, 2))), "step one event"),
    (lambda: build()(events(2, 3)._replace(kinds=torch.full((2, 3), 6))), "from 0 to 5, START and END included"),
    (lambda: build()(events(2, 3)._replace(attributes=torch.zeros(2, 3, 1))), r"attributes \(2, 3, 2\), got"),
    (lambda: EventModel("gru", 0), "kinds of 1 or more, got 0"),
    (lambda: EventModel("gru", 4, gap_scale=(0.0, 0.0)), "a deviation above 0"),
])
def test_what_does_not_fit(wrong, message):
    with pytest.raises(InputError, match=message):
        wrong()
