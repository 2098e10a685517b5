"""The objective of aligned features: its parts one by one, and that training with it does what it says."""
from itertools import repeat

import pytest
import torch

from reprise.core.errors import InputError
from reprise.models.forecast.nbeats import NBeats
from reprise.training.alignment.aligned import Aligned, Domains, misalignment
from reprise.training.alignment.discrepancies import mmd, moments, sinkhorn
from reprise.training.fit import fit
from reprise.training.relative_errors import smape


def model():
    torch.manual_seed(0)
    return NBeats(8, 3, ("trend", "generic"), blocks=2, width=6)


def domains(K=3, B=5, D=1):
    x = torch.rand(K, B, 8, D) + torch.arange(float(K))[:, None, None, None] * torch.linspace(0, 1, 8)[:, None]
    return Domains(x, torch.rand(K, B, 3, D) + 1)


def test_without_a_weight_it_is_the_error_in_all_domains():
    batch, network = domains(D=2), model()
    plain = smape(network, Domains(batch.x.flatten(0, 1), batch.y.flatten(0, 1)))
    scored = Aligned(weight=0)(network, batch)
    torch.testing.assert_close(scored.total, plain.total)
    assert scored.count == plain.count == 3 * 5 * 3 * 2


@pytest.mark.parametrize("over_pairs", ["mean", "max"])
@pytest.mark.parametrize("discrepancy", [sinkhorn, mmd, moments])
def test_what_is_added_is_the_discrepancy_of_pairs_stack_by_stack(discrepancy, over_pairs):
    batch, network = domains(D=2), model()
    features = [network.trace(x).features for x in batch.x]
    expected = 0
    for stack in range(2):
        rows = [f[stack].flatten(0, 1).softmax(-1)[None] for f in features]
        pairs = torch.stack([discrepancy(rows[i], rows[j])[0] for i, j in ((0, 1), (0, 2), (1, 2))])
        expected = expected + (pairs.mean() if over_pairs == "mean" else pairs.max())
    objective = Aligned(0.7, discrepancy, over_pairs=over_pairs)
    scored, plain = objective(network, batch), Aligned(0)(network, batch)
    torch.testing.assert_close((scored.total - plain.total) / scored.count, 0.7 * expected, rtol=1e-2, atol=1e-6)


@pytest.mark.parametrize("discrepancy", [sinkhorn, mmd, moments])
def test_training_with_it_draws_domains_together(discrepancy):
    batch, found = domains(B=16), []
    for weight in (0.0, 10.0):
        network = model()
        objective = Aligned(weight, discrepancy, "tanh")
        for _ in fit(network, repeat(batch, 40), objective, torch.optim.Adam(network.parameters(), 1e-2)):
            pass
        features = network.trace(batch.x.flatten(0, 1)).features
        found.append(misalignment(features, 3, objective).item())
    assert found[1] < 0.5 * found[0]


def test_the_same_domain_twice_costs_nothing():
    batch = domains(K=1)
    twice = Domains(batch.x.repeat(2, 1, 1, 1), batch.y.repeat(2, 1, 1, 1))
    torch.testing.assert_close(Aligned(5.0)(model(), twice).total, Aligned(0)(model(), twice).total)


@pytest.mark.parametrize(("wrong", "message"), [
    (lambda: Aligned(-1.0), "a weight of 0 or more, got -1"),
    (lambda: Aligned(normalised="batch"), "softmax, tanh or none, and over_pairs mean or max, got 'batch' and 'mean'"),
    (lambda: Aligned()(model(), domains(K=1)), r"two domains or more, got \(1, 5, 8, 1\)"),
])
def test_what_does_not_fit(wrong, message):
    with pytest.raises(InputError, match=message):
        wrong()
