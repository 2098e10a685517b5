import math

import pytest
import torch
from tiny import Batch, Shuffled, Tiny
from torch.nn import functional as F

from reprise.core.errors import InputError
from reprise.training.objectives import carried, evaluate, next_token


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
