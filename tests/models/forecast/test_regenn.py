"""ReGENN, against its equations written out with loops, and what runs over which axis."""
import numpy as np
import pytest
import torch
from torch.nn import functional as F

from reprise.core.errors import InputError
from reprise.models.forecast.regenn import ReGENN, SoftEvolution, co_occurrence

L, H, V = 7, 3, 4


def windows(B=5, seed=0):
    return torch.randn(B, L, V, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).relu()


def network(**options):
    torch.manual_seed(1)
    return ReGENN(L, H, V, **({"dropout": 0.0} | options)).double().observe(windows(seed=9)).eval()


def test_co_occurrence_by_loops():
    x = windows()
    x[..., 3] = 0
    x[0, 0] = torch.tensor([0.0, 0, 0, 2])  # the last variable, alone
    expected = np.zeros((V, V))
    for row in x.flatten(0, 1).tolist():
        for i in range(V):
            for j in range(V):
                expected[i, j] += row[i] * (row[j] > 0) * (i != j)
    expected[3, 3] = 2
    np.testing.assert_allclose(co_occurrence(x).numpy(), expected, rtol=1e-12)


def test_evolution_is_its_equations():
    torch.manual_seed(0)
    layer = SoftEvolution(V).double()
    with torch.no_grad():
        layer.scale.normal_()
    x, graph = windows(), torch.rand(V, V, dtype=torch.float64)
    W, b, U, D = (p.detach().numpy() for p in (layer.evolve.weight, layer.evolve.bias, layer.scale, layer.shift))
    E = graph.numpy() @ W.T + b
    S = np.array([[E[i] @ E[j] / np.linalg.norm(E[i]) / np.linalg.norm(E[j]) for j in range(V)] for i in range(V)])
    S = S * U + D
    y, evolved = layer(x, graph)
    np.testing.assert_allclose(evolved.detach().numpy(), E)
    for t in range(L):
        np.testing.assert_allclose(y[2, t].detach().numpy(), np.maximum(S @ x[2, t].numpy(), 0), atol=1e-12)


def test_the_whole_is_its_parts_with_loops_over_variables_and_steps():
    model, x = network(), windows()
    h, evolved = model.before(x, model.graph / model.graph.max())
    z = model.shorten(model.attend(model.times(h.mT)))
    down, up = model.down.initial_state(5), model.up.initial_state(5)
    ways = [torch.zeros(5, V, H).double() for _ in range(2)]
    for v in range(V):  # from the first variable to the last, and back
        ways[0][:, v], down = model.down.step(z[:, v], down)
        ways[1][:, V - 1 - v], up = model.up.step(z[:, V - 1 - v], up)
    g, state, q = (ways[0] + ways[1]).mT, model.steps.initial_state(5), []
    for t in range(H):
        read, state = model.steps.step(g[:, t], state)
        q.append(g[:, t] + read)
    y, _ = model.after(torch.stack(q, 1), evolved)
    highway = torch.einsum("hl,blv->bhv", model.ahead.weight, x) + model.ahead.bias[:, None]
    torch.testing.assert_close(model(x), F.relu(y + highway))


def test_without_evolution_it_has_no_graph():
    torch.manual_seed(0)
    model = ReGENN(L, H, V, evolution=False).double()
    assert model(windows()).shape == (5, H, V) and model.before is None and model.after is None
    with pytest.raises(InputError, match="without evolution"):
        model.mixing()


def test_what_is_observed_adds_up_and_is_kept():
    x = windows()
    once, twice = (ReGENN(L, H, V).double() for _ in range(2))
    once.observe(x)
    twice.observe(x[:2]).observe(x[2:])
    torch.testing.assert_close(once.graph, twice.graph)
    other = ReGENN(L, H, V).double()
    other.load_state_dict(once.state_dict())
    torch.testing.assert_close(other.eval()(x), once.eval()(x))
    once.train()(x).sum().backward()
    assert once.graph.grad is None and not once.graph.requires_grad


def test_no_gradient_flows_into_the_first_graph_from_the_second():
    model = network(positive=False)
    with torch.no_grad():
        model.before.scale.zero_()  # the first no longer reads E
    model(windows()).sum().backward()
    assert (model.before.evolve.weight.grad == 0).all() and (model.after.evolve.weight.grad != 0).any()


def test_it_is_never_negative_unless_it_may():
    assert (network()(windows()) >= 0).all()
    free = network(positive=False)
    with torch.no_grad():
        free.ahead.bias.fill_(-5)
    assert (free(windows()) < 0).any()


@pytest.mark.parametrize("layer", ["lstm", "mingru"])
def test_any_layer_fits(layer):
    model = network(layer=layer)
    model(windows()).sum().backward()
    assert all(p.grad is not None for p in model.parameters())


@pytest.mark.parametrize(("wrong", "message"), [
    (lambda: ReGENN(0, H, V), "lookback of 1 or more, got 0"),
    (lambda: ReGENN(L, H, V, dropout=1.0), "below 1, got 1.0"),
    (lambda: network()(windows()[:, :, 1:]), r"shape \(B, 7, 4\), got \(5, 7, 3\)"),
    (lambda: ReGENN(L, H, V)(windows().float()), "empty; call observe"),
    (lambda: co_occurrence(windows() - 1), "values of 0 or more, got -1"),
])
def test_what_does_not_fit(wrong, message):
    with pytest.raises(InputError, match=message):
        wrong()
