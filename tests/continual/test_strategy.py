"""The protocol: order, sums, what is seen, and what a loop with a strategy does that one without does not."""
from dataclasses import dataclass

import pytest
import torch

from reprise import LanguageModel
from reprise.continual.learning import Course, learn, learn_tasks
from reprise.continual.strategies.l2 import L2
from reprise.continual.strategies.own_values import OwnValues
from reprise.continual.strategies.shrink_and_perturb import ShrinkAndPerturb
from reprise.continual.strategy import Chain, Strategy, listening, with_values
from reprise.continual.streams import Task
from reprise.core.errors import InputError
from reprise.data.batches import Batch
from reprise.data.labelled import Labelled
from reprise.models.feedforward.mlp import MLP
from reprise.training.fit import fit
from reprise.training.objectives import label, next_token


def batches(count, rows=5):
    generator = torch.Generator().manual_seed(3)
    return [Labelled(torch.randn(rows, 4, generator=generator).double(),
                     torch.randint(3, (rows,), generator=generator)) for _ in range(count)]


def net(seed=0):
    torch.manual_seed(seed)
    return MLP(4, 3, (6,)).double()


def sgd(model, rate=0.1):
    return torch.optim.SGD(model.parameters(), rate)


@dataclass(frozen=True)
class Diary(Strategy):
    """Writes down what it is asked, and changes what it may."""

    name: str
    log: list
    watched: tuple[str, ...] = ("hidden.1",)
    updates: int = 0

    def begun(self, model, task):
        self.log.append((self.name, "begun", task))
        return self

    def batch(self, batch):
        self.log.append((self.name, "batch"))
        return batch._replace(x=2 * batch.x)

    def penalty(self, model, batch):
        self.log.append((self.name, "penalty", self.updates))
        return model.out.bias.sum()

    def gradient(self, update):
        self.log.append((self.name, "gradient"))
        update.model.out.weight.grad.zero_()

    def updated(self, update):
        self.log.append((self.name, "updated"))
        torch.testing.assert_close(update.batch.x, 4 * update.fresh.x)  # two of them
        return Diary(self.name, self.log, updates=self.updates + 1)

    def consolidated(self, model, task, batches, objective):
        self.log.append((self.name, "consolidated", len(list(batches))))
        return self

    def answering(self, model, task):
        return with_values(model, {"out.bias": model.out.bias + 1})


def test_without_a_strategy_it_is_fit():
    one, other = net(), net()
    for _ in fit(one, batches(4), label, sgd(one), clip=float("inf")):
        pass
    steps = list(learn(other, batches(4), label, sgd(other), watch=("out",)))
    assert all(torch.equal(p, q) for p, q in zip(one.parameters(), other.parameters(), strict=True))
    assert steps[-1].record.step == 4 and steps[0].seen["out"].shape == (5, 3)
    torch.testing.assert_close(steps[0].seen["out"], net()(batches(1)[0].x)[0].detach())  # before it was learned from


def test_a_chain_asks_in_order_and_penalties_add_up():
    log, model = [], net()
    chain, given = Chain((Diary("a", log), Diary("b", log))), batches(2)
    chain = chain.begun(model, 0)
    weight, bias = model.out.weight.clone(), model.out.bias.clone()
    for step in learn(model, given, label, sgd(model), chain):
        chain = step.strategy
    chain = chain.consolidated(model, 0, iter(given), label)
    one = [(n, *what) for what in (("batch",), ("penalty", 0), ("gradient",), ("updated",)) for n in "ab"]
    two = [(n, *what) for what in (("batch",), ("penalty", 1), ("gradient",), ("updated",)) for n in "ab"]
    ends = [("a", "begun", 0), ("b", "begun", 0)], [("a", "consolidated", 2), ("b", "consolidated", 2)]
    assert log == ends[0] + one + two + ends[1]
    assert torch.equal(model.out.weight, weight) and chain.watched == ("hidden.1",)
    assert (model.out.bias - bias).sum().item() == pytest.approx(-0.1 * 2 * 2 * 3)  # cross entropy's sums to zero
    torch.testing.assert_close(chain.answering(model, 0).out.bias, model.out.bias + 2)


def test_a_language_model_learns_with_a_strategy_and_carries_its_state():
    model = LanguageModel("gru", width=8, depth=1, vocabulary=8)
    tokens = torch.randint(8, (2, 7), generator=torch.Generator().manual_seed(0))
    text = [Batch(tokens[:, :-1], tokens[:, 1:], torch.tensor([[first] + [False] * 5] * 2)) for first in (True, False)]
    strategy = Chain((L2(1e-3), ShrinkAndPerturb(0.1, 0.0)))
    steps = list(learn(model, text, next_token, sgd(model), strategy, watch=("stack", "stack.blocks.0.layer")))
    assert steps[1].seen["stack"].shape == (2, 6, 8) and steps[1].record.state is not None
    with pytest.raises(InputError, match="listen to a module around it"):
        steps[1].seen["stack.blocks.0.layer"]


def test_hooks_are_gone_even_where_a_loop_is_left():
    model = net()
    optimiser = sgd(model)
    steps = learn(model, batches(3), label, optimiser, Diary("a", []))
    with pytest.raises(AssertionError):  # one Diary doubles x once
        next(steps)
    assert not optimiser._optimizer_step_pre_hooks and not model.hidden[1]._forward_hooks


def test_l2_shrinks_as_weight_decay_does_and_pulls_to_the_start():
    one, other = net(), net()
    for _ in learn(one, batches(3), label, sgd(one), L2(0.05)):
        pass
    for _ in learn(other, batches(3), label, torch.optim.SGD(other.parameters(), 0.1, weight_decay=0.1)):
        pass
    for p, q in zip(one.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(p, q)
    anchored = L2(0.5, from_start=True).begun(one, 0)
    assert anchored.penalty(one, None).item() == 0.0
    with torch.no_grad():
        one.out.bias += 2.0
    assert anchored.begun(one, 1).penalty(one, None).item() == pytest.approx(0.5 * 3 * 4)


def test_shrink_and_perturb_shrinks_and_perturbs():
    model, before = net(), net()
    for _ in learn(model, batches(2), label, sgd(model, 0.0), ShrinkAndPerturb(0.1, 0.0)):
        pass
    torch.testing.assert_close(model.out.weight, 0.81 * before.out.weight)
    between = ShrinkAndPerturb(0.5, 0.0, between_tasks=True)
    for task in (0, 1):
        between.begun(model, task)
    torch.testing.assert_close(model.out.weight, 0.405 * before.out.weight)
    noisy = MLP(100, 100, (100,))
    weights = noisy.out.weight.detach().clone()
    generator = torch.Generator().manual_seed(0)
    ShrinkAndPerturb(0.0, 0.01, between_tasks=True, generator=generator).begun(noisy, 1)
    assert (noisy.out.weight - weights).std().item() == pytest.approx(0.01, rel=0.03)


def two_tasks():
    """The same inputs with opposite labels: one head cannot do both, two can."""
    x = torch.randn(60, 4, generator=torch.Generator().manual_seed(0)).double()
    y = (x[:, 0] > 0).long()
    return [Task(Labelled(x, y), Labelled(x, y)), Task(Labelled(x, 1 - y), Labelled(x, 1 - y))]


def test_tasks_are_learned_in_turn_and_a_head_each_keeps_them_apart():
    course = Course(lambda model: torch.optim.Adam(model.parameters(), 0.05), epochs=30, batch=20)
    plain = learn_tasks(net(), two_tasks(), course)
    assert plain.scores.shape == (2, 2) and plain.before.shape == (2,)
    assert plain.scores[0, 0] > 0.9 and plain.scores[1, 1] > 0.9 and plain.scores[1, 0] < 0.2
    model = net()
    frozen = Course(lambda model: torch.optim.Adam(model.out.parameters(), 0.05), epochs=30, batch=20)
    heads = learn_tasks(model, two_tasks(), frozen, OwnValues(("out",)))
    assert heads.scores[1].min() > 0.7 and heads.scores[0, 0] == heads.scores[1, 0]


def test_a_task_begins_with_the_first_values():
    model = net()
    first = model.out.weight.clone()
    strategy = OwnValues(("out",)).begun(model, 0)
    with torch.no_grad():
        model.out.weight += 1.0
    strategy = strategy.consolidated(model, 0, [], label).begun(model, 1)
    assert torch.equal(model.out.weight, first) and strategy.answering(model, 1) is model
    assert torch.equal(strategy.answering(model, 0).out.weight, first + 1.0)


def test_misuse():
    with pytest.raises(InputError, match="no module is named 'hiden'"), listening(net(), ("hiden",)):
        pass
    with pytest.raises(InputError, match="has no 'nothing'"):
        with_values(net(), {"nothing": torch.zeros(1)})
    with pytest.raises(InputError, match="no module is named 'head'"):
        OwnValues(("head",)).begun(net(), 0)
    with pytest.raises(InputError, match="at least one task"):
        learn_tasks(net(), [], Course(sgd))
    with pytest.raises(InputError, match="strength of 0 or more"):
        L2(-1.0)
    with pytest.raises(InputError, match="shrink from 0 to 1"):
        ShrinkAndPerturb(1.5, 0.0)
    with pytest.raises(InputError, match="epochs"):
        Course(sgd, epochs=0)
    with pytest.raises(InputError, match=r"first weights of 'hidden.0.weight' are unknown; call begun"):
        L2(1.0, from_start=True).penalty(net(), None)


@dataclass(frozen=True)
class Toll(Strategy):
    def penalty(self, model, batch):
        return 2.0


def test_a_penalty_that_is_a_number_counts_too():
    model = net()
    losses = [next(learn(model, batches(1), label, sgd(model, 0.0), strategy)).record.loss
              for strategy in (None, Toll(), Chain((Toll(), Toll())))]
    assert losses == pytest.approx([losses[0] + toll for toll in (0.0, 2.0, 4.0)])


def test_mixed_precision_is_handed_on(monkeypatch):
    asked = []

    def recording(*arguments, mixed, **options):
        asked.append(mixed)
        return fit(*arguments, mixed=mixed, **options)

    monkeypatch.setattr("reprise.continual.learning.fit", recording)
    model = net()
    for mixed in (True, False):
        list(learn(model, batches(1), label, sgd(model), mixed=mixed))
        learn_tasks(model, two_tasks()[:1], Course(sgd, batch=60, mixed=mixed))
    assert asked == [True, True, False, False]
