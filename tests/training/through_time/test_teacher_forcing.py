"""Teacher forcing of every strength: its definition by hand, its bound on gradients, and what is refused."""
import pytest
import torch

from reprise.core.errors import InputError
from reprise.data.systems import Piece
from reprise.layers import create_layer
from reprise.training.through_time.teacher_forcing import (
    Adaptive,
    Constant,
    Sparse,
    forced,
    forced_error,
    free_run,
    jacobians,
)


def build(width=3, **options):
    torch.manual_seed(0)
    cell = create_layer("plrnn", width, **options).double()
    with torch.no_grad():
        for p in cell.parameters():
            p += 0.2 * torch.randn_like(p)
    return cell


def by_hand(cell, x, strengths):
    """One row, one step after another; the plain equations of the shallow PLRNN."""
    z, said = x[0], []
    for t in range(len(x) - 1):
        z = x[0] if t == 0 else (1 - strengths[t]) * z + strengths[t] * x[t]
        z = cell.A * z + cell.gather.weight @ torch.relu(cell.W2 @ z + cell.b2) + cell.gather.bias
        said.append(z)
    return torch.stack(said)


@pytest.mark.parametrize(("forcing", "strengths"), [
    (Constant(0.3), [0.3] * 9), (Constant(0.0), [0.0] * 9), (Constant(1.0), [1.0] * 9), (Adaptive(0.7), [0.7] * 9),
    (Sparse(4), [1.0, 0, 0, 0, 1.0, 0, 0, 0, 1.0]),
])
def test_equals_its_definition(forcing, strengths):
    cell, x = build(), torch.randn(4, 9, 3, dtype=torch.float64)
    want = torch.stack([by_hand(cell, row, strengths) for row in x])
    torch.testing.assert_close(forced(cell, x, forcing), want)
    error = (want - x[:, 1:]).square()
    scored = forced_error(cell, Piece(x), forcing)
    torch.testing.assert_close(scored.total / scored.count, error.mean())


def test_without_forcing_it_is_the_layer_and_the_free_run():
    cell, x = build(), torch.randn(2, 8, 3, dtype=torch.float64)
    state = cell.initial_state(2)._replace(memory=x[:, 0])
    want, _ = cell(torch.zeros_like(x[:, 1:]), state)
    torch.testing.assert_close(forced(cell, x, Constant(0.0)), want)
    torch.testing.assert_close(free_run(cell, x[:, 0], 7), want.detach())


def test_memory_past_the_data_is_left_alone():
    cell, x = build(width=5), torch.randn(2, 6, 3, dtype=torch.float64)
    m, said = torch.cat([x[:, 0], torch.zeros(2, 2)], 1).double(), []
    for t in range(5):
        m = torch.cat([0.5 * m[:, :3] + 0.5 * x[:, t], m[:, 3:]], 1) if t else m
        m = cell.advance(torch.zeros(1, 5).double(), m)
        said.append(m[:, :3])
    torch.testing.assert_close(forced(cell, x, Constant(0.5)), torch.stack(said, 1))


@pytest.mark.parametrize("name", ["plrnn", "clipped_plrnn", "elman", "indrnn", "lem"])
def test_any_cell_whose_memory_is_one_vector_will_do(name):
    cell, x = create_layer(name, 4), torch.randn(2, 5, 4)
    if name == "lem":  # two vectors
        with pytest.raises(InputError, match="expected a cell whose memory is one vector"):
            forced(cell, x, Constant(0.5))
        return
    assert forced(cell, x, Constant(0.5)).shape == (2, 4, 4) and free_run(cell, x[:, 0], 3).shape == (2, 3, 4)


def test_jacobians_are_those_of_the_region():
    cell, x = build(), torch.randn(2, 4, 3, dtype=torch.float64)
    found = jacobians(cell, x)
    for b in range(2):
        for t in range(4):
            on = (cell.W2 @ x[b, t] > -cell.b2).double()
            want = torch.diag(cell.A) + cell.gather.weight @ torch.diag(on) @ cell.W2
            torch.testing.assert_close(found[b, t], want.detach())


@pytest.mark.parametrize("size", ["largest", "mean"])
def test_adaptive_strength_is_that_of_its_jacobians(size):
    cell, x = build(), torch.randn(3, 7, 3, dtype=torch.float64)
    with torch.no_grad():
        cell.A.fill_(1.3)
    J = jacobians(cell, x)
    if size == "largest":
        s = torch.linalg.svdvals(J).max()
    else:
        s = max(torch.linalg.svdvals(torch.linalg.multi_dot(list(row.flip(0)))).max() ** (1 / 7) for row in J)
    assert s > 1
    first = Adaptive(size=size).after(cell, x)
    assert first.alpha == pytest.approx(float(1 - 1 / s))
    with torch.no_grad():
        for p in (cell.A, cell.gather.weight):
            p.mul_(0.1)
    assert first.after(cell, x).alpha == pytest.approx(0.9 * first.alpha), "it falls slowly, towards 0"
    low = Adaptive(0.01, size=size, seen=True)
    with torch.no_grad():
        for p in (cell.A, cell.gather.weight):
            p.div_(0.1)
    assert low.after(cell, x).alpha == pytest.approx(first.alpha), "and rises at once"


def test_gradients_are_bounded_at_the_largest_singular_value_and_explode_below():
    cell, x = build(), torch.randn(1, 200, 3, dtype=torch.float64)
    with torch.no_grad():
        cell.A.fill_(1.1)
    enough = Adaptive(size="largest").after(cell, torch.randn(50, 100, 3, dtype=torch.float64)).alpha

    def first_step(alpha):
        """How much of the last prediction is owed to the first piece of data."""
        start = x.clone().requires_grad_()
        z, = torch.autograd.grad(forced(cell, start, Constant(alpha))[0, -1].sum(), start)
        return z[0, 0].norm()

    assert 0 < enough < 1 and first_step(enough) < 10 and first_step(0.0) > 1e6


def test_misfits_are_refused():
    x = torch.zeros(2, 5, 3)
    with pytest.raises(InputError, match="Constant: expected alpha from 0"):
        Constant(1.5)
    with pytest.raises(InputError, match="every of 1 or more"):
        Sparse(0)
    with pytest.raises(InputError, match="size 'largest' or 'mean'"):
        Adaptive(size="small")
    with pytest.raises(InputError, match="got Mamba"):
        forced(create_layer("mamba", 4), x, Constant(0.5))
    with pytest.raises(InputError, match="data of 3 numbers do not fit the memory of PLRNN"):
        forced(create_layer("plrnn", 2), x, Constant(0.5))


@pytest.mark.parametrize("size", ["largest", "mean"])
def test_without_any_growth_no_forcing_is_needed_and_what_is_not_finite_is_refused(size):
    cell, x = build(), torch.randn(3, 7, 3, dtype=torch.float64)
    with torch.no_grad():
        for p in cell.parameters():
            p.zero_()
    assert Adaptive(size=size).after(cell, x).alpha == 0.0
    with torch.no_grad():
        cell.A.fill_(float("nan"))
    with pytest.raises(InputError, match="Jacobians of PLRNN at these data are not finite"):
        Adaptive(size=size).after(cell, x)


@pytest.mark.parametrize("name", ["ltc", "sru"])
def test_a_cell_of_several_projections_will_do(name):
    """Free running is the layer's own memory without input."""
    cell, x = create_layer(name, 4).double(), torch.randn(2, 6, 4, dtype=torch.float64)
    state = cell.initial_state(2)
    state = state._replace(memory=x[:, 0].to(state.memory))
    for _ in range(5):
        _, state = cell.step(torch.zeros(2, 4, dtype=torch.float64), state)
    torch.testing.assert_close(free_run(cell, x[:, 0], 5)[:, -1], state.memory)
    assert forced(cell, x, Constant(0.5)).shape == (2, 5, 4) and jacobians(cell, x).shape == (2, 6, 4, 4)
