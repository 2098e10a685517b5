import math
from itertools import islice
from typing import NamedTuple

import pytest
import torch
from tiny import Batch, Shuffled, Tiny
from torch.nn import functional as F

from reprise.core.errors import InputError
from reprise.data.labelled import Labelled, in_order, labelled_batches
from reprise.models.sequence_model import SequenceModel
from reprise.training.fit import fit
from reprise.training.objectives import accuracy, bernoulli, carried, evaluate, label, next_token, squared_error


def some_batches(count=4):
    return [Batch(*map(torch.clone, batch)) for batch, _ in zip(Shuffled(), range(count))]


def test_next_token_is_torch_cross_entropy():
    model = Tiny().eval()
    batch = some_batches(1)[0]
    batch.y[1, 2:] = -100
    scored = next_token(model, batch)
    logits, state = model(batch.x, resets=batch.resets)
    kept = batch.y != -100
    expected = F.cross_entropy(logits[kept], batch.y[kept], reduction="sum")
    torch.testing.assert_close(scored.total, expected)
    assert scored.count == int(kept.sum())
    torch.testing.assert_close(scored.state, state)


def test_a_model_that_knows_nothing_needs_log2_of_the_vocabulary():
    model = Tiny(vocabulary=16)
    torch.nn.init.zeros_(model.head.weight)
    torch.nn.init.zeros_(model.head.bias)
    assert evaluate(model, some_batches()) == pytest.approx(4.0)


def test_evaluate_carries_state_and_leaves_the_model_alone():
    model, batches = Tiny(), some_batches()
    chopped = [Batch(*(part[:, i:i + 2] for part in batch)) for batch in batches for i in (0, 2, 4)]
    before = torch.get_rng_state()
    assert evaluate(model, chopped) == pytest.approx(evaluate(model, batches), rel=1e-6)
    assert model.training
    assert torch.equal(before, torch.get_rng_state())
    forgetful = [batch._replace(resets=torch.ones_like(batch.resets)) for batch in batches]
    assert evaluate(model, forgetful) != pytest.approx(evaluate(model, batches), rel=1e-4)


def test_evaluate_weighs_every_target_alike():
    model = Tiny().eval()
    batches = some_batches(2)
    batches[1].y[:] = -100
    batches[1].y[0, 0] = 3
    nats = [next_token(model, batches[0])]
    nats.append(next_token(model, batches[1], nats[0].state))
    expected = sum(s.total.item() for s in nats) / (nats[0].count + 1) / math.log(2)
    assert evaluate(model, batches) == pytest.approx(expected)


def test_nothing_is_carried_into_new_sequences():
    batch = some_batches(1)[0]
    every = batch._replace(resets=torch.ones_like(batch.resets))
    some = batch._replace(resets=torch.zeros_like(batch.resets))
    assert (carried(every, "state"), carried(some, "state"), carried((1, 2), "state")) == (None, "state", None)


def test_nothing_to_count():
    batch = some_batches(1)[0]
    with pytest.raises(InputError, match="no target was counted"):
        evaluate(Tiny(), [batch._replace(y=torch.full_like(batch.y, -100))])


def labelled(count=5):
    x = torch.randn(count, 4, 3)
    return Labelled(x, (x.sum((1, 2)) > 0).long())


def test_label_and_squared_error_are_torchs():
    data, classes, numbers = labelled(), model(2), model(1)
    scored = label(classes, data)
    torch.testing.assert_close(scored.total, F.cross_entropy(classes(data.x)[0], data.y, reduction="sum"))
    assert scored.count == 5
    wanted = data._replace(y=torch.randn(5, 1))
    scored = squared_error(numbers, wanted)
    torch.testing.assert_close(scored.total, F.mse_loss(numbers(data.x)[0], wanted.y, reduction="sum"))
    with pytest.raises(InputError, match=r"answers \(5, 1\) where y is \(5,\)"):
        squared_error(numbers, data)


def test_lengths_are_handed_on():
    data, classes = labelled(), model(2)
    short = data._replace(lengths=torch.tensor([1, 2, 3, 4, 4]))
    assert label(classes, short).total != label(classes, data).total


def test_accuracy_is_the_share_that_is_right():
    data, classes = labelled(40), model(2)
    classes.train()
    likeliest = classes.eval()(data.x)[0].argmax(-1)
    classes.train()
    right = data._replace(y=torch.where(torch.arange(40) < 30, likeliest, 1 - likeliest))
    assert accuracy(classes, in_order(right, 7)) == 0.75 and classes.training
    with pytest.raises(InputError, match="no sequence was given"):
        accuracy(classes, [])


def test_labels_are_learned():
    data, classes = labelled(64), model(2)
    rate = torch.optim.Adam(classes.parameters(), 1e-2)
    list(fit(classes, islice(labelled_batches(data, 32, 0), 60), label, rate))
    assert accuracy(classes, in_order(data, 32)) > 0.9


def model(outputs):
    torch.manual_seed(0)
    return SequenceModel("gru", 3, outputs, width=8, depth=1, dropout=0.1, read="last").eval()


def test_bernoulli_sums_over_keys_and_counts_real_steps():
    rolls = SequenceModel("gru", 3, 3, width=8, depth=1)
    x, lengths = (torch.rand(2, 4, 3) > 0.5).float(), torch.tensor([4, 2])
    scored = bernoulli(rolls, Labelled(x[:, :], x.flip(1), lengths))
    costs = F.binary_cross_entropy_with_logits(rolls(x, lengths=lengths)[0], x.flip(1), reduction="none").sum(-1)
    torch.testing.assert_close(scored.total, costs[0].sum() + costs[1, :2].sum())
    assert scored.count == 6 and bernoulli(rolls, Labelled(x, x)).count == 8


def test_bernoulli_needs_no_lengths():
    class Plain(NamedTuple):
        x: torch.Tensor
        y: torch.Tensor

    x = (torch.rand(2, 4, 3) > 0.5).float()
    rolls = SequenceModel("gru", 3, 3, width=8, depth=1)
    assert torch.equal(bernoulli(rolls, Plain(x, x)).total, bernoulli(rolls, Labelled(x, x)).total)
