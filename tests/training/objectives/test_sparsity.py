"""A penalty that makes small weights zero: its values, its slopes, and what training with it finds."""
import math

import pytest
import torch

from reprise.core.errors import InputError
from reprise.data.labelled import Labelled
from reprise.models.feedforward.mlp import MLP
from reprise.training.fit import fit
from reprise.training.objectives import squared_error
from reprise.training.schedules import WarmupCosine
from reprise.training.sparsity import Sparse, bounded_penalty


def test_as_the_paper_writes_it():
    w = torch.tensor([0.0, 0.001, -0.2, 5.0], dtype=torch.float64)
    by_hand = [2 / (1 + math.exp(-3 * (abs(v) + 1e-12) ** (1 / 3))) - 1 for v in w.tolist()]
    assert bounded_penalty(w).item() == pytest.approx(sum(by_hand) / 4)
    assert bounded_penalty(torch.full((3,), 1e9)).item() == pytest.approx(1.0)


def test_it_is_steep_at_zero_and_flat_beyond():
    w = torch.tensor([0.0, 0.001, 0.1, 1.0, 10.0], dtype=torch.float64, requires_grad=True)
    bounded_penalty(w).backward()
    assert torch.isfinite(w.grad).all() and w.grad[0] == 0
    assert (w.grad[1:].diff() < 0).all() and w.grad[1] > 1e3 * w.grad[4] > 0


def linear(model):
    return model.out.weight


def test_weights_that_matter_stay_and_others_go():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2000, 30, generator=generator)
    data = Labelled(x, 0.5 * x[:, :1] - 0.2 * x[:, 1:2] + torch.randn(2000, 1, generator=generator))
    found = {}
    sparse = Sparse(squared_error, linear, share=0.1, strength=0.1)
    for name, objective in (("plain", squared_error), ("sparse", sparse)):
        torch.manual_seed(0)
        model = MLP(30, 1, ())
        optimiser = torch.optim.Adam(model.parameters(), 2e-2)
        list(fit(model, [data] * 400, objective, optimiser, WarmupCosine(400, floor=0.001)))
        found[name] = model.out.weight.detach()[0]
    assert found["sparse"][2:].abs().max() < 0.01 < found["plain"][2:].abs().mean()
    torch.testing.assert_close(found["sparse"][:2], found["plain"][:2], atol=0.03, rtol=0)


def test_a_share_of_one_adds_nothing():
    model, batch = MLP(3, 1, ()), Labelled(torch.randn(4, 3), torch.randn(4, 1))
    assert Sparse(squared_error, linear, 1.0)(model, batch).total == squared_error(model, batch).total
    more = Sparse(squared_error, linear, 0.5, strength=2.0)(model, batch)
    added = (more.total - squared_error(model, batch).total) / more.count
    torch.testing.assert_close(added, 2 * bounded_penalty(model.out.weight))


@pytest.mark.parametrize(("share", "strength"), [(0.0, 0.01), (1.2, 0.01), (0.5, -1.0)])
def test_what_does_not_fit(share, strength):
    with pytest.raises(InputError, match="a share above 0 and up to 1 and a strength of 0 or more"):
        Sparse(squared_error, linear, share, strength)
