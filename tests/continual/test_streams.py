"""Streams and measures: exact small cases."""
import math
from itertools import islice

import numpy as np
import pytest
import torch

from reprise.continual.measures import (
    average_accuracy,
    backward_transfer,
    forgetting,
    forward_transfer,
    harmonic_accuracy,
    learning_accuracy,
)
from reprise.continual.plasticity import (
    activations,
    dead_units,
    effective_rank,
    share_rank,
    stable_rank,
    weight_magnitude,
)
from reprise.continual.streams import SlowRegression, permuted_inputs, permuted_labels, random_labels, split_classes
from reprise.core.errors import InputError
from reprise.data.labelled import Labelled
from reprise.models.feedforward.mlp import MLP


def data(rows=12, classes=6):
    x = torch.arange(rows * 6.0).view(rows, 2, 3)
    return Labelled(x, torch.arange(rows) % classes)


def test_permuted_inputs_hold_one_order_a_task():
    one, two = islice(permuted_inputs(data(), data(4), 0), 2)
    again, _ = islice(permuted_inputs(data(), data(4), 0), 2)
    assert torch.equal(one.train.x, again.train.x) and not torch.equal(one.train.x, two.train.x)
    assert one.train.x.shape == (12, 2, 3) and torch.equal(one.train.y, data().y)
    later = one.train.x.flatten(1) - one.train.x.flatten(1)[0]
    assert torch.equal(later, 6.0 * torch.arange(12)[:, None].expand(12, 6))
    assert torch.equal(one.test.x, one.train.x[:4])
    assert torch.equal(one.train.x.flatten(1).sort(1).values, data().x.flatten(1))


def test_split_classes():
    tasks = split_classes(data(), data(), 2, order=[3, 1, 0, 2, 5, 4])
    assert [task.train.y.tolist() for task in tasks] == [[1, 0, 1, 0], [0, 1, 0, 1], [1, 0, 1, 0]]
    assert torch.equal(tasks[0].train.x, data().x[[1, 3, 7, 9]])
    whole = split_classes(data(), data(), 3, from_zero=False)
    assert [sorted(set(task.train.y.tolist())) for task in whole] == [[0, 1, 2], [3, 4, 5]]
    with pytest.raises(InputError, match="6 classes do not divide into tasks of 4"):
        split_classes(data(), data(), 4)


def test_labels_are_renamed_or_drawn():
    one, two = islice(permuted_labels(data(), data(4), 6, 0), 2)
    pairs = set(zip(data().y.tolist(), one.train.y.tolist(), strict=True))
    assert len(pairs) == 6 == len({new for _, new in pairs}) and not torch.equal(one.train.y, two.train.y)
    assert torch.equal(one.test.y, one.train.y[:4])
    drawn, other = islice(random_labels(data(600), 6, 0), 2)
    assert drawn.train is drawn.test and not torch.equal(drawn.train.y, other.train.y)
    assert drawn.train.y.bincount(minlength=6).min() > 60


def test_slow_regression_flips_one_bit_at_a_time():
    stream = SlowRegression(bits=8, slow=5, hold=10, units=20)
    x = torch.cat([batch.x for batch in islice(stream.batches(4, 0), 25)])
    flips = (x[1:, :5] != x[:-1, :5]).sum(1)
    assert flips.nonzero()[:, 0].tolist() == list(range(9, 99, 10)) and flips.max() == 1
    assert 0.3 < x[:, 5:].mean() < 0.7 and set(x.unique().tolist()) == {0.0, 1.0}


def test_slow_regression_against_its_definition():
    stream = SlowRegression(bits=8, slow=5, hold=10, units=20, beta=0.6)
    batch = next(iter(stream.batches(30, 1)))
    into, thresholds, out = stream._target(np.random.default_rng(1))
    for row, y in zip(batch.x.tolist(), batch.y[:, 0].tolist(), strict=True):
        total = 0.0
        for weights, v in zip(into.tolist(), out.tolist(), strict=True):
            threshold = 0.6 * 9 - sum(w < 0 for w in weights)
            total += v * (sum(a * b for a, b in zip(weights, [*row, 1.0], strict=True)) > threshold)
        assert y == pytest.approx(total / math.sqrt(20), abs=1e-6)
    assert thresholds.shape == (20,) and batch.y.std() > 0
    with pytest.raises(InputError, match="slow from 0 to 8"):
        SlowRegression(bits=8, slow=9)


def test_measures_by_hand():
    scores = torch.tensor([[0.9, 0.4, 0.1], [0.7, 0.8, 0.3], [0.6, 0.9, 1.0]])
    assert average_accuracy(scores) == pytest.approx(2.5 / 3)
    assert learning_accuracy(scores) == pytest.approx(2.7 / 3)
    assert backward_transfer(scores) == pytest.approx((-0.3 + 0.1) / 2)
    assert forward_transfer(scores, torch.tensor([0.1, 0.2, 0.2])) == pytest.approx((0.2 + 0.1) / 2)
    assert forgetting(scores) == pytest.approx((0.3 - 0.1) / 2)
    assert harmonic_accuracy(0.5, 1.0) == pytest.approx(2 / 3) and harmonic_accuracy(0.0, 0.0) == 0.0
    with pytest.raises(InputError, match="two or more"):
        backward_transfer(torch.ones(1, 1))
    with pytest.raises(InputError, match="shape"):
        average_accuracy(torch.ones(2, 3))


def test_ranks_of_known_matrices():
    full, one = torch.eye(6)[:, :4], torch.ones(5, 1) @ torch.rand(1, 4)
    assert effective_rank(full) == pytest.approx(4) and stable_rank(full) == pytest.approx(4) and share_rank(full) == 4
    assert effective_rank(one) == pytest.approx(1) and stable_rank(one) == pytest.approx(1) and share_rank(one) == 1
    uneven = torch.diag(torch.tensor([3.0, 1.0]))
    assert effective_rank(uneven) == pytest.approx(math.exp(-0.75 * math.log(0.75) - 0.25 * math.log(0.25)))
    assert stable_rank(uneven) == pytest.approx(10 / 9) and share_rank(uneven, 0.75) == 1 and share_rank(uneven) == 2
    nothing = torch.zeros(3, 2)
    assert effective_rank(nothing) == stable_rank(nothing) == share_rank(nothing) == 0
    with pytest.raises(InputError, match="a row an example"):
        effective_rank(torch.zeros(3))


def test_dead_units_and_weights():
    model = MLP(2, 1, (4,))
    with torch.no_grad():
        model.hidden[0].weight[:] = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
        model.hidden[0].bias.zero_()
        model.out.weight.fill_(2.0)
    x = torch.tensor([[1.0, 1.0], [2.0, -1.0]])
    seen = activations(model, x, ("hidden.1",))["hidden.1"]
    assert dead_units(seen) == 0.25 and dead_units(seen, 1.0) == 0.75 and model.training
    assert weight_magnitude(model) == pytest.approx((4 * 1.0 + 4 * 2.0) / 12)
    with pytest.raises(InputError, match="no matrix"):
        weight_magnitude(torch.nn.LayerNorm(3))


def test_a_module_that_is_never_called_is_not_passed_over():
    model = MLP(4, 3, (5,))
    model.idle = torch.nn.Linear(2, 2)
    with pytest.raises(InputError, match="module 'idle' has given nothing"):
        activations(model, torch.randn(2, 4), ("hidden.1", "idle"))
