"""Masks, frozen weights, and codes: exact shares, gradients by hand, answers that stay bit for bit, nothing lost."""
from itertools import pairwise

import numpy as np
import pytest
import torch

from reprise.continual.huffman import decode, encode, pack_masks, unpack_masks
from reprise.continual.learning import Course, learn, learn_tasks
from reprise.continual.masks import masked, top_share
from reprise.continual.measures import backward_transfer
from reprise.continual.strategies.winning_subnetworks import WinningSubnetworks
from reprise.continual.streams import Task
from reprise.core.errors import InputError
from reprise.data.labelled import Labelled
from reprise.models.feedforward.mlp import MLP
from reprise.models.sequence_model import SequenceModel
from reprise.training.objectives import label

LAYERS = ("hidden.0", "hidden.2")


def tasks(count, steps=1, rows=64):
    found = []
    for seed in range(count):
        generator = torch.Generator().manual_seed(seed)
        x = torch.randn(rows, steps, 6, generator=generator)
        y = (x.sum(1) @ torch.randn(6, 3, generator=generator)).argmax(-1)
        found.append(Task(Labelled(x, y), Labelled(x, y)))
    return found


def decayed(model):
    """Momentum and weight decay, which move weights without any gradient."""
    return torch.optim.AdamW(model.parameters(), 0.02, weight_decay=0.5)


def test_the_mask_is_exactly_the_share_and_gradients_pass_straight():
    model = MLP(6, 3, (8,))
    mask = masked(model, ("hidden.0",), 0.25)["hidden.0"]
    weight, scores = model.hidden[0].parametrizations.weight.original, mask.scores
    assert int(mask.mask().sum()) == 12
    kept = scores.abs().flatten().topk(12).indices
    assert mask.mask().flatten()[kept].all()
    g = torch.randn_like(weight)
    (model.hidden[0].weight * g).sum().backward()
    torch.testing.assert_close(weight.grad, g * mask.mask())
    torch.testing.assert_close(scores.grad, g * weight * scores.sign())


def test_soft_masks_have_the_rest_between_zero_and_one():
    model = MLP(6, 3, (8,))
    mask = masked(model, ("hidden.0",), 0.5, soft=True, generator=torch.Generator().manual_seed(0))["hidden.0"]
    effective = model.hidden[0].weight / model.hidden[0].parametrizations.weight.original
    major = mask.mask().bool()
    torch.testing.assert_close(effective[major], torch.ones(24))
    assert effective[~major].min() > 0 and effective[~major].max() < 1


def test_barred_weights_are_never_chosen():
    scores, barred = torch.arange(1.0, 9.0), torch.arange(8) >= 5
    assert top_share(scores, 0.5, barred).tolist() == [0, 1, 1, 1, 1, 0, 0, 0]
    assert top_share(scores, 0.5, torch.arange(8) >= 2).tolist() == [1, 1, 0, 0, 0, 0, 0, 0]
    assert top_share(scores, 0.01).tolist() == [0] * 7 + [1]


@pytest.mark.parametrize("reuse", [True, False])
def test_answers_of_a_task_never_change(reuse):
    """Bit for bit, with biases, momentum and weight decay; without reuse masks do not overlap either."""
    model, given = MLP(6, 3, (16, 16)), tasks(3)
    strategy, answers, x = WinningSubnetworks(LAYERS, 0.25, reuse), [], given[0].test.x
    course = Course(decayed, epochs=4, batch=16)
    for number, task in enumerate(given):
        strategy = strategy.begun(model, number)
        for _ in range(4):
            for step in learn(model, [task.train], course.objective, course.optimiser(model), strategy):
                strategy = step.strategy
        strategy = strategy.consolidated(model, number, [], label)
        answers.append(strategy.answering(model, number)(x)[0])
        torch.testing.assert_close(answers[-1], model(x)[0])
    for number in range(3):
        assert torch.equal(strategy.answering(model, number)(x)[0], answers[number])
    overlaps = [bool((a[n] & b[n]).any()) for a, b in pairwise(strategy.masks) for n in a]
    assert any(overlaps) == reuse and all(int(m["hidden.2"].sum()) == 64 for m in strategy.masks)
    assert 0.25 < strategy.used_share() < 0.75 if reuse else strategy.used_share() == 0.75


def test_a_recurrent_cells_matrices_too():
    model = SequenceModel("gru", 6, 3, width=8, depth=1, channel=None, read="last")
    names = ("stack.blocks.0.layer.from_x", "stack.blocks.0.layer.from_h")
    course = Course(lambda m: torch.optim.Adam(m.parameters(), 0.02), epochs=8, batch=16)
    learned = learn_tasks(model, tasks(2, steps=4), course, WinningSubnetworks(names, 0.5))
    assert backward_transfer(learned.scores) == 0.0
    assert learned.scores[0, 0] > learned.before[0] and learned.scores[1, 1] > learned.before[1]


def test_symbols_survive_and_the_code_is_huffmans():
    counts = {0: 45, 1: 13, 2: 12, 3: 16, 4: 9, 5: 5}  # lengths 1 3 3 3 4 4: 224 bits
    symbols = np.random.default_rng(0).permutation(np.repeat(list(counts), list(counts.values()))).astype(np.uint8)
    coded = encode(symbols, 8)
    assert sorted(coded.lengths[:6]) == [1, 3, 3, 3, 4, 4] and len(coded.words) == 28 and coded.bits == 8 * 36
    assert np.array_equal(decode(coded), symbols)
    for awkward in (np.zeros(0, np.uint8), np.full(5, 3, np.uint8), np.arange(256, dtype=np.uint8)):
        assert np.array_equal(decode(encode(awkward)), awkward)
    with pytest.raises(InputError, match="below 4, got 5"):
        encode(symbols, 4)
    with pytest.raises(InputError, match="damaged"):
        decode(coded._replace(words=coded.words[:10]))


@pytest.mark.parametrize("count", [1, 7, 9])
def test_masks_survive_packing(count):
    generator = torch.Generator().manual_seed(0)
    masks = [{"a": torch.rand(40, 30, generator=generator) < 0.05, "b": torch.rand(7, generator=generator) < 0.5}
             for _ in range(count)]
    packed = pack_masks(masks)
    for was, found in zip(masks, unpack_masks(packed), strict=True):
        assert was.keys() == found.keys() and all(torch.equal(was[n], found[n]) for n in was)
    same = pack_masks([masks[0]] * count)
    assert same.bits <= packed.bits and packed.bits_each == packed.bits / (1207 * count)


def test_few_weights_or_shared_ones_need_few_bits():
    """Independent masks cost their entropy; one mask for seven tasks a seventh of it."""
    generator = torch.Generator().manual_seed(0)
    masks = [{"a": torch.rand(200, 200, generator=generator) < 0.05} for _ in range(7)]
    entropy = -(0.05 * np.log2(0.05) + 0.95 * np.log2(0.95))
    assert entropy * 0.98 < pack_masks(masks).bits_each < entropy * 1.1
    assert pack_masks([masks[0]] * 7).bits_each < 0.16


def test_misuse():
    with pytest.raises(InputError, match="share above 0"):
        masked(MLP(6, 3, (8,)), ("out",), 0.0)
    with pytest.raises(InputError, match="is no Linear"):
        masked(MLP(6, 3, (8,)), ("hidden.1",), 0.5)
    model = MLP(6, 3, (8,))
    masked(model, ("out",), 0.5)
    with pytest.raises(InputError, match="without a mask"):
        masked(model, ("out",), 0.5)
    with pytest.raises(InputError, match="names of modules"):
        WinningSubnetworks((), 0.5)
    with pytest.raises(InputError, match="one task or more"):
        pack_masks([])
    with pytest.raises(InputError, match="same names and shapes"):
        pack_masks([{"a": torch.ones(2)}, {"a": torch.ones(3)}])


def test_nothing_but_masked_weights():
    """No biases, no head: nothing each task has for itself, and nothing is forgotten either."""
    model = MLP(6, 3, (16,), bias=False)
    course = Course(decayed, epochs=3, batch=16)
    learned = learn_tasks(model, tasks(2), course, WinningSubnetworks(("hidden.0", "out"), 0.4))
    assert learned.strategy.kept == ({}, {}) and backward_transfer(learned.scores) == 0.0


def test_nothing_is_masked_where_a_name_is_wrong():
    model = MLP(6, 3, (8,))
    for wrong in (("hidden.0", "hidden.1"), ("hidden.0", "hidden.0")):
        with pytest.raises(InputError):
            masked(model, wrong, 0.5)
    assert set(model.state_dict()) == set(MLP(6, 3, (8,)).state_dict())


def test_a_settled_or_barred_mask_is_loaded_into_a_fresh_one_and_back():
    model, fresh, other = MLP(6, 3, (8,)), MLP(6, 3, (8,)), MLP(6, 3, (8,))
    one, two, three = (masked(m, ("hidden.0",), 0.25, soft=True)["hidden.0"] for m in (model, fresh, other))
    unsettled = other.state_dict()
    one.barred = torch.rand(8, 6) < 0.5
    one.settled = one.mask().detach()
    fresh.load_state_dict(model.state_dict())
    x = torch.randn(4, 6)
    assert torch.equal(fresh(x)[0], model(x)[0]) and torch.equal(two.barred, one.barred)
    model.load_state_dict(unsettled)
    assert one.settled is None and one.barred is None and torch.equal(one.mask(), three.mask())
    assert torch.equal(model(x)[0], other(x)[0])


def test_a_generator_may_be_elsewhere_than_the_model():
    """The meta device stands for any other."""
    model, same = MLP(6, 3, (8,)).to("meta"), MLP(6, 3, (8,))
    generators = [torch.Generator().manual_seed(0) for _ in range(2)]
    for m, generator in zip((model, same), generators, strict=True):
        found = masked(m, ("hidden.0",), 0.5, soft=True, generator=generator)["hidden.0"]
        assert {found.scores.device, found.rest.device} == {m.out.weight.device}
    assert torch.equal(*(generator.get_state() for generator in generators)), "as much is drawn"
