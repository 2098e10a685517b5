"""Importance by hand, anchors that hold; soft subnetworks that bend where they may; prototypes."""
import pytest
import torch

from reprise.continual.few_shot import join_classes
from reprise.continual.learning import Course, learn, learn_tasks
from reprise.continual.prototypes import Prototypes, prototype_label, prototypes_of
from reprise.continual.strategies.ewc import EWC, fisher
from reprise.continual.strategies.own_values import OwnValues
from reprise.continual.strategies.softnet import SoftNet
from reprise.continual.strategy import Chain
from reprise.continual.streams import Task
from reprise.core.errors import InputError
from reprise.data.labelled import Labelled
from reprise.models.feedforward.mlp import MLP
from reprise.training.objectives import label


def some(rows=8, classes=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return Labelled(torch.randn(rows, 4, generator=generator).double(),
                    torch.arange(rows) % classes)


def features(model, batch):
    return model.hidden(batch.x)


def test_fisher_is_the_mean_of_squares_row_by_row():
    model, data = MLP(4, 3, (5,)).double(), some()
    found = fisher(model, [data.take(slice(0, 5)), data.take(slice(5, 8))], label, ["out.weight"], 6)
    squares = torch.zeros(3, 5).double()
    for row in range(6):
        model.zero_grad()
        label(model, data.take(slice(row, row + 1))).total.backward()
        squares += model.out.weight.grad.square() / 6
    torch.testing.assert_close(found["out.weight"], squares)
    with pytest.raises(InputError, match="no row was given"):
        fisher(model, [], label, ["out.weight"], 1)


def test_the_penalty_by_hand_over_tasks_and_online():
    model = MLP(4, 3, ()).double()
    strategy = EWC(2.0).consolidated(model, 0, [some()], label).consolidated(model, 1, [some(seed=1)], label)
    online = EWC(2.0, fade=0.5).consolidated(model, 0, [some()], label).consolidated(model, 1, [some(seed=1)], label)
    assert len(strategy.anchors) == 2 and len(online.anchors) == 1 and strategy.penalty(model, None) == 0.0
    one, two = (anchor.importance for anchor in strategy.anchors)
    with torch.no_grad():
        model.out.weight += 0.5
    both = one["out.weight"] + two["out.weight"]
    torch.testing.assert_close(strategy.penalty(model, None), 0.25 * both.sum())
    torch.testing.assert_close(online.penalty(model, None), 0.25 * (both - 0.5 * one["out.weight"]).sum())
    left = EWC(2.0, without=("out",)).consolidated(MLP(4, 3, (5,)).double(), 0, [some()], label)
    assert set(left.anchors[0].weights) == {"hidden.0.weight", "hidden.0.bias"}


def test_what_mattered_is_held():
    """Two tasks that look at different inputs, with a head each: without an anchor the first is lost a little."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(120, 4, generator=generator).double()
    x[:60, 2:] = 0
    parts = Labelled(x[:60], (x[:60, 0] > 0).long()), Labelled(x[60:], (x[60:, 2] > 0).long())
    given = [Task(part, part) for part in parts]
    course = Course(lambda model: torch.optim.Adam(model.parameters(), 0.02), epochs=20, batch=20)

    def drift(strategy):
        torch.manual_seed(0)
        model = MLP(4, 2, (12,)).double()
        strategy = learn_tasks(model, given[:1], course, strategy).strategy
        was = model.hidden[0].weight.detach().clone()
        for step in learn(model, [given[1].train] * 60, label, torch.optim.Adam(model.parameters(), 0.02), strategy):
            strategy = step.strategy
        return (model.hidden[0].weight - was)[:, :2].norm().item()

    heads = OwnValues(("out",))
    assert drift(Chain((heads, EWC(1e4, without=("out",))))) < 0.6 * drift(Chain((heads,)))


def base(soft):
    torch.manual_seed(0)
    model = MLP(4, 3, (16, 12)).double()
    strategy = SoftNet(("hidden.0", "hidden.2"), ("hidden.2",), 0.5, soft).begun(model, 0)
    for step in learn(model, [some(30)] * 5, label, torch.optim.SGD(model.parameters(), 0.1), strategy):
        strategy = step.strategy
    return model, strategy.consolidated(model, 0, [], label)


@pytest.mark.parametrize("soft", [True, False])
def test_only_soft_minor_weights_of_tuned_modules_move_later(soft):
    model, strategy = base(soft)
    scored = model.hidden[2].parametrizations.weight[0]
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    known = prototypes_of(model, [some(30)], features)
    optimiser = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9, weight_decay=0.1)
    for step in learn(model, [some(5)] * 3, prototype_label(known, features), optimiser, strategy.begun(model, 1)):
        strategy = step.strategy
    moved = {name for name, p in model.named_parameters() if not torch.equal(p, before[name])}
    assert moved == ({"hidden.2.parametrizations.weight.original"} if soft else set())
    major = scored.settled.bool()
    weight = model.hidden[2].parametrizations.weight.original
    assert torch.equal(weight[major], before["hidden.2.parametrizations.weight.original"][major])


def test_one_soft_update_by_hand():
    model, strategy = base(True)
    scored, weight = model.hidden[2].parametrizations.weight[0], model.hidden[2].parametrizations.weight.original
    known, before = prototypes_of(model, [some(30)], features), weight.detach().clone()
    objective = prototype_label(known, features)
    gradient, = torch.autograd.grad(objective(model, some(6)).total / 6, [weight])
    list(learn(model, [some(6)], objective, torch.optim.SGD(model.parameters(), 0.1), strategy.begun(model, 1)))
    minor = (1 - scored.settled) * scored.rest
    torch.testing.assert_close(weight.detach(), before - 0.1 * minor * gradient)


def test_prototypes_are_means_of_directions():
    model = torch.nn.Identity()
    data = Labelled(torch.tensor([[2.0, 0.0], [0.0, 1.0], [0.0, 3.0]]), torch.tensor([7, 4, 7]))
    known = prototypes_of(model, [data.take(slice(0, 2)), data.take(slice(2, 3))], lambda model, batch: batch.x)
    assert known.labels.tolist() == [4, 7]
    torch.testing.assert_close(known.means, torch.tensor([[0.0, 1.0], [0.5, 0.5]]))
    assert known.classify(torch.tensor([[0.1, 5.0], [5.0, 0.1]])).tolist() == [4, 7]
    torch.testing.assert_close(known.logits(torch.tensor([[0.0, 2.0]]), 3.0), torch.tensor([[3.0, 3.0 / 2**0.5]]))
    more = known.with_more(Prototypes(torch.tensor([[-1.0, 0.0]]), torch.tensor([1])))
    assert more.classify(torch.tensor([[-3.0, 0.0]])).tolist() == [1]


def test_misuse():
    with pytest.raises(InputError, match="fade None or from 0 to 1"):
        EWC(1.0, fade=2.0)
    with pytest.raises(InputError, match="tuned ones among them"):
        SoftNet(("hidden.0",), ("hidden.2",))
    known = Prototypes(torch.eye(2), torch.tensor([0, 1]))
    with pytest.raises(InputError, match="overlap"):
        known.with_more(known)
    with pytest.raises(InputError, match="no prototype"):
        prototype_label(known, lambda model, batch: batch.x)(None, Labelled(torch.eye(2), torch.tensor([0, 5])))
    with pytest.raises(InputError, match="no batch was given"):
        prototypes_of(torch.nn.Identity(), [], features)


def test_new_classes_join_and_old_prototypes_stay():
    model, data = MLP(4, 3, (16,)).double(), some(30)
    known, fresh = data.take(data.y < 2), data.take(data.y == 2)
    before = prototypes_of(model, [known], features)
    after, _ = join_classes(model, before, [fresh], features, lambda m: torch.optim.SGD(m.parameters(), 0.1), updates=5)
    assert after.labels.tolist() == [0, 1, 2] and torch.equal(after.means[:2], before.means)
    torch.testing.assert_close(after.means[2], prototypes_of(model, [fresh], features).means[0])
    same, _ = join_classes(model, before, [], features, lambda m: None)
    assert same is before
    with pytest.raises(InputError, match="updates"):
        join_classes(model, before, [fresh], features, lambda m: None, updates=0)


class Normed(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = torch.nn.Sequential(torch.nn.Linear(4, 6), torch.nn.BatchNorm1d(6), torch.nn.Linear(6, 3))

    def forward(self, x, state=None, *, lengths=None, resets=None):
        return self.hidden(x), ()


def test_statistics_of_a_batch_norm_stand_still_too():
    model, data = Normed().double(), some(30)
    strategy = SoftNet(("hidden.0",), ("hidden.0",), 0.5).begun(model, 0)
    optimiser = torch.optim.SGD(model.parameters(), 0.1)
    first = {name: value.clone() for name, value in model.named_buffers()}
    for step in learn(model, [data], label, optimiser, strategy):
        strategy = step.strategy
    assert not torch.equal(model.hidden[1].running_mean, first["hidden.1.running_mean"]), "in task 0 they do not"
    strategy = strategy.consolidated(model, 0, [], label)
    before = {name: value.clone() for name, value in model.named_buffers()}
    for step in learn(model, [data] * 3, label, optimiser, strategy.begun(model, 1)):
        strategy = step.strategy
    assert all(torch.equal(value, before[name]) for name, value in model.named_buffers())


def test_rows_are_brought_to_where_the_model_is():
    """The meta device stands for any other: it has no numbers, but is not where the rows are."""
    model, data = MLP(4, 3, (5,)).double().to("meta"), some()
    assert fisher(model, [data], label, ["out.weight"], 2)["out.weight"].device.type == "meta"
    places = []

    def located(model, batch):
        places.append(batch.x.device.type)
        return torch.ones(len(batch.x), 2)

    with pytest.raises(NotImplementedError):  # of which labels there are, once all is said
        prototypes_of(model, [data], located)
    assert places == ["meta"]
