"""Pruning: scores by hand, groups and patterns exact, recurrent matrices, propagated activations, mended weights."""
from typing import NamedTuple

import pytest
import torch
from torch import nn

from reprise.compression.calibration import block_by_block, matrices
from reprise.compression.pruning import Share, apply_masks, prune_magnitude, prune_random, prune_wanda
from reprise.compression.sparsegpt import prune_sparsegpt, sparse_approximation
from reprise.core.errors import InputError
from reprise.data.batches import Batch
from reprise.models.language_model import LanguageModel
from reprise.training.objectives import Scored


class Tower(nn.Module):
    """Two linear blocks with a tanh between them, and a head that is no block."""

    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList([nn.Linear(6, 8), nn.Linear(8, 4)])
        self.head = nn.Linear(4, 3)

    def forward(self, x):
        return self.head(self.blocks[1](torch.tanh(self.blocks[0](x))))


class Rows(NamedTuple):
    x: torch.Tensor


def of_tower(model, batch, state=None):
    return Scored(model(batch.x).square().sum(), batch.x.shape[0], None)


def tower(seed=0):
    torch.manual_seed(seed)
    return Tower().double(), [Rows(torch.randn(7, 5, 6, dtype=torch.float64) * torch.arange(1, 7)) for _ in range(3)]


def language_model(layer, depth=2):
    torch.manual_seed(0)
    model = LanguageModel([layer] * depth, width=8, vocabulary=12)
    tokens = torch.randint(12, (2, 4, 10), generator=torch.Generator().manual_seed(1))
    resets = torch.zeros(4, 9, dtype=torch.bool)
    resets[:, 0] = True
    return model, [Batch(each[:, :-1], each[:, 1:], resets) for each in tokens]


def plain_wanda(weight, inputs, zeros):
    """Entry by entry."""
    kept = torch.ones_like(weight, dtype=torch.bool)
    for i in range(weight.shape[0]):
        scores = [abs(weight[i, j].item()) * inputs[:, j].norm().item() for j in range(weight.shape[1])]
        for j in sorted(range(len(scores)), key=scores.__getitem__)[:zeros]:
            kept[i, j] = False
    return kept


def test_wanda_by_hand_with_activations_that_pruned_blocks_give():
    model, batches = tower()
    x = torch.cat([b.x for b in batches]).flatten(0, 1)
    first, second = (block.weight.detach().clone() for block in model.blocks)
    mask = plain_wanda(first, x, 3)
    inner = torch.tanh(x @ (first * mask).T + model.blocks[0].bias)
    head = model.head.weight.detach().clone()
    done = prune_wanda(model, batches, 0.5, objective=of_tower)
    assert torch.equal(done.masks["blocks.0.weight"], mask)
    assert torch.equal(done.masks["blocks.1.weight"], plain_wanda(second, inner.detach(), 4))
    assert torch.equal(model.blocks[0].weight, first * mask) and torch.equal(model.head.weight, head)
    assert done.zeros == 0.5 and [line.block for line in done.report] == [0, 1] and not done.left


def test_the_norm_is_not_centred():
    model, _ = tower()
    with torch.no_grad():
        model.blocks[0].weight.fill_(1.0)
    x = torch.randn(4, 3, 6, dtype=torch.float64)
    x[..., 0] = 50.0  # never changes, and is the largest
    kept = prune_wanda(model, [Rows(x)], 5 / 6, objective=of_tower).masks["blocks.0.weight"]
    assert kept[:, 0].all() and kept.sum() == 8


@pytest.mark.parametrize("layer", ["gru", "lstm", "elman", ("gru", {"solver": "newton"})])
def test_a_recurrent_matrix_is_scored_by_the_last_memory(layer):
    model, batches = language_model(layer, depth=1)
    block = model.stack.blocks[0]
    with torch.no_grad():
        squares = 0
        for batch in batches:
            y, _ = block.layer(block.before_layer(model.embedding(batch.x)))
            squares = squares + y[:, :-1].square().sum((0, 1))  # h_{t-1} of all steps but the first, where it is zero
    found = {seen.name: seen.gathered for seen in block_by_block(model, batches, lambda x: x.square().sum(0))}
    torch.testing.assert_close(found["stack.blocks.0.layer.from_h.weight"], squares, rtol=1e-4, atol=1e-6)
    assert len(found) == len(matrices(model)[0])
    assert not {"run", "recur"} & vars(block.layer).keys()
    assert (block.layer.solver is None) == isinstance(layer, str)


@pytest.mark.parametrize("layer", ["mingru", "gla", "mamba", "full_attention"])
def test_every_matrix_of_a_stack_is_seen(layer):
    model, batches = language_model(layer)
    dense = {name: p.detach().clone() for name, p in model.named_parameters()}
    model.train()
    done = prune_wanda(model, batches, 0.5)
    assert not any(name in weights for weights in matrices(model) for name in done.left)
    assert model.training and abs(done.zeros - 0.5) < 0.05
    for name, p in model.named_parameters():
        assert torch.equal(p, dense[name] * done.masks[name] if name in done.masks else dense[name])


def test_groups_and_patterns_are_exact():
    score = torch.rand(6, 16, generator=torch.Generator().manual_seed(0))
    rows, layer = Share(0.7).keep(score), Share(0.7, group="layer").keep(score)
    assert (rows.sum(1) == 16 - 11).all() and layer.sum() == 96 - 67
    assert score[~layer].max() <= score[layer].min() and not (layer.sum(1) == layer[0].sum()).all()
    for kept, size in ((2, 4), (4, 8), (1, 16)):
        mask = Share(pattern=(kept, size)).keep(score)
        assert (mask.unflatten(1, (-1, size)).sum(-1) == kept).all()
    assert Share(pattern=(2, 4)).keep(torch.ones(1, 4)).tolist() == [[False, False, True, True]]
    assert Share(0.0).keep(score).all() and Share(pattern=(4, 4)).keep(score).all()


def test_a_rescaling_that_keeps_the_function_changes_magnitude_and_not_wanda():
    masks = {}
    for factor in (1.0, 30.0):
        model, batches = tower()
        with torch.no_grad():
            model.blocks[0].weight[:, 2] /= factor
            for batch in batches:
                batch.x[..., 2] *= factor
        masks[factor] = prune_wanda(model, batches, 0.5, objective=of_tower).masks
    assert all(torch.equal(masks[1.0][name], masks[30.0][name]) for name in masks[1.0])
    model, _ = tower()
    with torch.no_grad():
        model.blocks[0].weight[:, 2] /= 30
    assert not prune_magnitude(model, 0.5).masks["blocks.0.weight"][:, 2].any()


def test_random_and_magnitude_need_no_data():
    model, _ = tower()
    biggest = model.blocks[0].weight.detach().abs().flatten().topk(24).values.min()
    done = prune_magnitude(model, 0.5)
    assert (model.blocks[0].weight != 0).sum() == 24
    assert model.blocks[0].weight.detach().abs()[done.masks["blocks.0.weight"]].min() == biggest
    one, two = (prune_random(tower()[0], torch.Generator().manual_seed(3), 0.5) for _ in range(2))
    assert all(torch.equal(one.masks[name], two.masks[name]) for name in one.masks)


def test_sparse_approximation_mends_what_is_left():
    g = torch.Generator().manual_seed(0)
    x = torch.randn(400, 12, generator=g, dtype=torch.float64) @ torch.randn(12, 12, generator=g, dtype=torch.float64)
    W = torch.randn(5, 12, generator=g, dtype=torch.float64)
    share = Share(0.5)
    V, kept = sparse_approximation(W, x.T @ x, share, damping=1e-6, columns=12)
    assert torch.equal(V != 0, kept) and kept.sum() == 30

    def error(V):
        return ((W - V) @ x.T).square().sum().item()

    assert error(V) < 0.7 * error(W * kept) and error(V) < error(W * share.keep(W.abs() * x.norm(dim=0)))


def test_one_weight_is_mended_as_least_squares_would():
    """The last but one input taken away: the exact best update of those that follow, and none before."""
    g = torch.Generator().manual_seed(0)
    x = torch.randn(50, 4, generator=g, dtype=torch.float64)
    W = torch.tensor([[5.0, 5.0, 1e-3, 5.0]], dtype=torch.float64)
    V, kept = sparse_approximation(W, x.T @ x, Share(0.25), damping=1e-12, columns=4)
    assert kept.tolist() == [[True, True, False, True]]
    best = torch.linalg.lstsq(x[:, 3:], (x @ W.T) - x[:, :2] @ W[:, :2].T).solution
    torch.testing.assert_close(V[0, 3], best[0, 0])
    assert torch.equal(V[:, :2], W[:, :2])


def test_sparsegpt_patterns_and_unused_inputs():
    model, batches = tower()
    for batch in batches:
        batch.x[..., 1] = 0
    done = prune_sparsegpt(model, batches, 0.5, objective=of_tower, columns=4)
    assert not done.masks["blocks.0.weight"][:, 1].any() and abs(done.zeros - 0.5) < 0.1
    model, batches = language_model("gru")
    done = prune_sparsegpt(model, batches, pattern=(2, 4))
    assert done.zeros == 0.5 and all((mask.unflatten(1, (-1, 4)).sum(-1) == 2).all() for mask in done.masks.values())


def test_masks_hold_a_model_that_trains_on():
    model, _ = tower()
    done = prune_magnitude(model, 0.5)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(1.0)
    apply_masks(model, done.masks)
    assert torch.equal(model.blocks[1].weight != 0, done.masks["blocks.1.weight"])
    with pytest.raises(InputError, match="no parameter 'nothing'"):
        apply_masks(model, {"nothing": torch.ones(1, 1, dtype=torch.bool)})


def test_what_cannot_be_done_is_said():
    model, batches = tower()
    for options, message in (({}, "a sparsity or a pattern"), ({"sparsity": 0.5, "pattern": (2, 4)}, "or a pattern"),
                             ({"sparsity": 1.0}, "below 1"), ({"pattern": (5, 4)}, "keeps n of m"),
                             ({"sparsity": 0.5, "group": "column"}, "a group among")):
        with pytest.raises(InputError, match=message):
            Share(**options)
    with pytest.raises(InputError, match="4:8 does not fit 6 inputs"):
        prune_wanda(model, batches, pattern=(4, 8), objective=of_tower)
    with pytest.raises(InputError, match=r"no block holds an nn.Linear"):
        prune_magnitude(nn.Tanh(), 0.5)
    with pytest.raises(InputError, match="damping > 0"):
        sparse_approximation(torch.ones(1, 2), torch.eye(2), Share(0.5), damping=0.0)


def test_matrices_that_are_no_linear_map_are_told_as_left():
    model = LanguageModel(["mamba", "gru"], width=8, depth=2, vocabulary=9)
    done = prune_magnitude(model, 0.5)
    sizes = {name: p.ndim for name, p in model.stack.named_parameters(prefix="stack") if name not in done.masks}
    assert set(done.left) == {name for name, ndim in sizes.items() if ndim == 2} and done.left
    assert not any(name.startswith(("embedding", "head")) for name in done.left)
