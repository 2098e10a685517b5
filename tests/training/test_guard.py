import pytest
import torch
from torch import nn

from reprise.core.layer import SequenceLayer
from reprise.data.batches import Batch
from reprise.data.labelled import Labelled
from reprise.models.sequence_model import SequenceModel
from reprise.training.fit import fit
from reprise.training.guard import NonFinite
from reprise.training.objectives import label, next_token


class Root(SequenceLayer):
    """A layer that can overflow in its own arithmetic, with all its parameters and parts finite."""

    def __init__(self, width):
        super().__init__()
        self.width, self.scale = width, nn.Parameter(torch.ones(width))

    def initial_state(self, batch):
        return ()

    def run(self, x, state, marks):
        return (self.scale * x).sqrt(), state


class Model(nn.Module):
    """Calls its layers' `run`, as a stack does, so that no hook of `forward` sees them."""

    def __init__(self):
        super().__init__()
        self.embedding, self.root, self.head = nn.Embedding(4, 2), Root(2), nn.Linear(2, 4)

    def forward(self, tokens, state=None, *, resets=None):
        y, state = self.root.run(self.embedding(tokens), (), None)
        return self.head(y), state


def test_names_the_layer_whose_own_arithmetic_fails():
    model = Model()
    with torch.no_grad():
        model.embedding.weight.copy_(torch.tensor([[1.0, 1], [2, 2], [3, 3], [4, -4]]))
    x = torch.tensor([[0, 1, 2], [2, 1, 3]])
    batch = Batch(x, x, torch.zeros(2, 3, dtype=torch.bool))
    with pytest.raises(NonFinite, match=r"step 1: not finite: the output of layer 'root' \(Root\), row 1, time 2"):
        list(fit(model, [batch], next_token, torch.optim.SGD(model.parameters(), lr=0.1)))
    assert "run" not in vars(model.root)
    assert not model.root._forward_hooks


def test_a_part_of_the_batch_may_be_missing():
    model = SequenceModel("elman", 1, 2, 4, 1, read="last")
    nn.init.constant_(model.out.weight, float("inf"))
    batch = Labelled(torch.ones(2, 3, 1), torch.zeros(2, dtype=torch.long))
    assert batch.lengths is None
    with pytest.raises(NonFinite, match=r"parameter 'out.weight'"):
        list(fit(model, [batch], label, torch.optim.SGD(model.parameters(), lr=0.1)))
    nn.init.ones_(model.out.weight)
    batch.x[1, 2] = float("nan")
    with pytest.raises(NonFinite, match=r"the batch, x, row 1, time 2"):
        list(fit(model, [batch], label, torch.optim.SGD(model.parameters(), lr=0.1)))


def test_says_so_when_only_the_objective_fails():
    def objective(model, batch, state):
        scored = next_token(model, batch, state)
        return scored._replace(total=scored.total / 0)

    model = Model()
    nn.init.ones_(model.embedding.weight)
    x = torch.zeros(1, 3, dtype=torch.long)
    batch = Batch(x, x, torch.zeros(1, 3, dtype=torch.bool))
    with pytest.raises(NonFinite, match="the loss, though every layer's output is finite"):
        list(fit(model, [batch], objective, torch.optim.SGD(model.parameters(), lr=0.1)))
