"""Regression in context: its rule, and that what is said to be the best step is."""
import pytest
import torch

from reprise.core.errors import InputError
from reprise.data.in_context import LinearRegression


def draw(task, rows=4, seed=0):
    return task.sample(rows, torch.Generator().manual_seed(seed))


def test_one_vector_makes_every_pair_and_the_answer():
    data = draw(LinearRegression(size=3, pairs=12))
    assert data.x.shape == (4, 13, 4) and data.y.shape == (4, 1) and not data.x[:, -1, -1].any()
    w = torch.linalg.lstsq(data.x[:, :12, :3].double(), data.x[:, :12, 3:].double()).solution
    torch.testing.assert_close((data.x[:, -1:, :3].double() @ w)[:, 0], data.y.double(), rtol=1e-4, atol=1e-4)


def test_the_same_generator_draws_the_same():
    assert torch.equal(draw(LinearRegression()).x, draw(LinearRegression()).x)
    assert not torch.equal(draw(LinearRegression()).x, draw(LinearRegression(), seed=1).x)


@pytest.mark.parametrize(("size", "pairs", "noise"), [(3, 12, 0.0), (2, 5, 0.0), (3, 6, 1.5)])
def test_the_best_step_is_best_and_leaves_what_is_said(size, pairs, noise):
    task = LinearRegression(size, pairs, noise)
    data = draw(task, 400_000)
    one = task.step(data.x, 1.0)
    fitted = ((one * data.y).mean() / one.square().mean()).item()
    assert task.rate == pytest.approx(fitted, rel=0.02)
    assert (task.step(data.x) - data.y).square().mean().item() == pytest.approx(task.loss, rel=0.02)


def test_the_step_is_one_of_gradient_descent():
    task = LinearRegression(3, 6)
    x, w = draw(task, 1).x, torch.zeros(3, requires_grad=True)
    loss = (x[0, :-1, :3] @ w - x[0, :-1, 3]).square().sum() / 2
    w = w - 0.1 * torch.autograd.grad(loss, w)[0]
    torch.testing.assert_close(task.step(x, 0.1)[0, 0], x[0, -1, :3] @ w)


@pytest.mark.parametrize(("wrong", "message"), [
    ({"size": 0}, "expected size of 1 or more"), ({"noise": -1.0}, "noise of 0 or more, got -1.0")])
def test_errors_say_what_was_expected(wrong, message):
    with pytest.raises(InputError, match=message):
        LinearRegression(**wrong)
