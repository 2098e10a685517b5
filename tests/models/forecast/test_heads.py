"""What can be read off a forecast, and what it costs, against torch's and scipy's own."""
import numpy as np
import pytest
import torch
from scipy import stats

from reprise.core.errors import InputError
from reprise.models.forecast.heads import Point, Quantiles, StudentT, create_head


def test_quantiles_never_cross_and_cost_what_they_should():
    torch.manual_seed(0)
    head = Quantiles((0.1, 0.3, 0.5, 0.9))
    raw, m, s = torch.randn(50, 4).double(), torch.randn(50).double(), torch.rand(50).double() + 0.1
    found = head.parameters_of(raw, m, s)
    assert (found.diff(dim=-1) > 0).all()
    assert torch.equal(found[:, 2], raw[:, 2] * s + m)
    y = torch.randn(50).double()
    pinball = [max(q * (y[i] - f), (q - 1) * (y[i] - f)) for i in range(50) for q, f in zip(head.levels, found[i])]
    assert head.cost(found, y).mean().item() == pytest.approx(2 * float(sum(pinball)) / len(pinball))
    assert torch.equal(head.point(found), found[:, 2])


def test_the_best_quantile_is_the_quantile():
    """Where the cost is least, as many values are below as the level says."""
    y = torch.from_numpy(np.random.default_rng(0).gamma(2.0, size=4001))
    places = torch.linspace(0, 8, 801).double()
    head = Quantiles((0.8,))
    costs = torch.stack([head.cost(p.expand(len(y), 1), y).mean() for p in places])
    assert places[costs.argmin()].item() == pytest.approx(torch.quantile(y, 0.8).item(), abs=0.02)


def test_levels_between_learned_ones():
    head = Quantiles((0.1, 0.5, 0.9))
    found = torch.tensor([[0.0, 4.0, 6.0]])
    between = head.quantiles(found, (0.1, 0.3, 0.5, 0.7, 0.9))
    torch.testing.assert_close(between, torch.tensor([[0.0, 2.0, 4.0, 5.0, 6.0]]))
    with pytest.raises(InputError, match="from 0\\.1 to"):
        head.quantiles(found, (0.05,))


def test_student_t_is_scipys():
    torch.manual_seed(0)
    head = StudentT()
    found = head.parameters_of(torch.randn(20, 3).double(), torch.randn(20).double(), torch.rand(20).double() + 0.5)
    location, scale, freedom = found.numpy().T
    assert (freedom > 2).all() and (scale > 0).all()
    y = torch.randn(20).double()
    theirs = stats.t(freedom, location, scale)
    np.testing.assert_allclose(head.cost(found, y).numpy(), -theirs.logpdf(y.numpy()), rtol=1e-10)
    for q in (0.01, 0.5, 0.9):
        np.testing.assert_allclose(head.quantiles(found, (q,))[:, 0].numpy(), theirs.ppf(q), rtol=1e-7, atol=1e-9)


def test_points():
    found = torch.tensor([[1.0], [3.0]])
    y = torch.tensor([2.0, 6.0])
    assert create_head("point").cost(found, y).tolist() == [1.0, 9.0]
    assert create_head(["point", {"cost": "absolute"}]).cost(found, y).tolist() == [1.0, 3.0]
    assert Point("huber").quantiles(found, (0.5,)) is None
    with pytest.raises(InputError, match="no cost is named"):
        Point("cubic")
    with pytest.raises(InputError, match="head 'point'"):
        create_head(("point", {"levels": (0.5,)}))
