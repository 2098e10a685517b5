"""A cell solved over all steps is the cell itself, begins where it is told to, and says how long it took."""
import pytest
import torch

from reprise.core.errors import InputError
from reprise.core.state import map_state, named_tensors
from reprise.layers import create_layer
from reprise.ops.newton_scan import Newton, NotConverged
from reprise.training.newton import solve


def build(name, width=4):
    torch.manual_seed(0)
    return create_layer(name, width).double(), torch.randn(3, 40, width, dtype=torch.float64)


@pytest.mark.parametrize("name", ["elman", "gru", "lstm", "lem", "columnar"])
def test_same_as_the_layer(name):
    layer, x = build(name)
    carried = layer(x[:, :7])[1]
    for state in (None, map_state(torch.Tensor.detach, carried)):
        got, want = solve(layer, x, state), layer(x, state)
        torch.testing.assert_close((got.y, got.state), want, rtol=0, atol=1e-12)
        assert got.convergence.converged and 0 < got.convergence.iterations < 15
        gradients = [torch.autograd.grad(y.square().mean(), list(layer.parameters())) for y in (got.y, want[0])]
        torch.testing.assert_close(*gradients, rtol=0, atol=1e-12)


def test_the_trajectory_is_the_memory_after_every_step():
    layer, x = build("lstm")
    solved = solve(layer, x)
    for t in (0, 3, 39):
        now = map_state(lambda m, t=t: m[:, t], solved.trajectory)
        torch.testing.assert_close(now, layer(x[:, : t + 1])[1].memory, rtol=0, atol=1e-12)
    assert not any(m.requires_grad for _, m in named_tensors(solved.trajectory))


def test_the_last_trajectory_saves_iterations_and_changes_nothing():
    layer, x = build("gru")
    before = solve(layer, x).trajectory
    with torch.no_grad():
        for p in layer.parameters():
            p += 1e-3 * torch.randn_like(p)
    cold, warm = solve(layer, x), solve(layer, x, guess=before)
    assert warm.convergence.iterations < cold.convergence.iterations
    torch.testing.assert_close(warm.y, cold.y, rtol=0, atol=1e-12)
    again = solve(layer, x, guess=cold.trajectory, newton=Newton(tolerance=1e-12))
    assert again.convergence.iterations == 0


def test_a_solver_of_the_layers_own_does_not_matter():
    layer, x = build("gru")
    own = create_layer("gru", 4, solver=("newton", {"jacobian": "diagonal"})).double()
    own.load_state_dict(layer.state_dict())
    assert solve(own, x).convergence == solve(layer, x).convergence


def test_where_it_stops_too_early_the_loop_runs_or_it_raises():
    layer, x = build("gru")
    with pytest.warns(RuntimeWarning, match="after 1 iterations"):
        solved = solve(layer, x, newton=Newton(limit=1))
    assert not solved.convergence.converged
    torch.testing.assert_close(solved.y, layer(x)[0], rtol=0, atol=1e-12)
    with pytest.raises(NotConverged):
        solve(layer, x, newton=Newton(limit=1, otherwise="raise"))


def test_misfits_are_refused():
    layer, x = build("gru")
    with pytest.raises(InputError, match="expected a Cell, such as gru, lstm or lem, got MinGRU"):
        solve(create_layer("mingru", 4), x)
    with pytest.raises(InputError, match=r"a guess of \(3, 40\) rows and steps for x of \(3, 39\)"):
        solve(layer, x[:, :39], guess=solve(layer, x).trajectory)
    with pytest.raises(InputError, match="SRU reads more over time than its memory"):
        solve(create_layer("sru", 4), torch.randn(2, 5, 4))


def test_outputs_have_the_precision_of_the_input():
    layer = create_layer("slstm", 4).bfloat16()
    x = torch.randn(2, 5, 4).bfloat16()
    want, _ = layer(x)
    got = solve(layer, x).y
    assert got.dtype == want.dtype == torch.bfloat16
    torch.testing.assert_close(got, want, rtol=0.05, atol=0.05)
