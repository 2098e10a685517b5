"""Autoregressions: coefficients found again, by least squares and as a map, in windows and in steps."""
import numpy as np
import pytest
import torch

from reprise.core.errors import InputError
from reprise.models.forecast.ar_net import ARNet, AutoRegression, coefficient_error, least_squares


def simulated(coefficients, T=4000, noise=1.0, seed=0, constant=0.0):
    generator, P = np.random.default_rng(seed), len(coefficients)
    values = generator.normal(size=T)
    for t in range(P, T):
        values[t] = constant + coefficients @ values[t - P : t][::-1] + noise * generator.normal()
    return values


def test_least_squares_finds_what_made_the_series():
    true = np.array([0.5, 0.0, -0.3])
    exact = least_squares(simulated(true, T=40, noise=0.0, constant=2.0), 3)
    np.testing.assert_allclose(exact.coefficients, true, atol=1e-9)
    assert exact.constant == pytest.approx(2.0)
    near = least_squares(simulated(true, constant=2.0), 3)
    np.testing.assert_allclose(near.coefficients, true, atol=0.05)


def test_no_other_coefficients_have_less_error():
    values = simulated(np.array([0.5, 0.0, -0.3]), T=300)
    found = least_squares(values, 3)

    def error(a):
        lags = np.stack([values[3 - i : len(values) - i] for i in (1, 2, 3)], 1)
        return np.square(values[3:] - lags @ a.coefficients - a.constant).mean()

    for nudge in np.eye(4) * 1e-3:
        for sign in (1, -1):
            moved = AutoRegression(found.coefficients + sign * nudge[:3], found.constant + sign * nudge[3])
            assert error(moved) > error(found)


def test_weights_are_coefficients():
    model = ARNet(3, 2)
    with torch.no_grad():
        model.map.weight.copy_(torch.tensor([[-0.3, 0.0, 0.5], [1.0, 2.0, 3.0]]))
        model.map.bias.copy_(torch.tensor([0.25, 0.0]))
    assert model.regression().coefficients == pytest.approx([0.5, 0.0, -0.3]) and model.regression().constant == 0.25
    assert model.regression(step=2).coefficients.tolist() == [3, 2, 1]
    x = torch.tensor([[[1.0], [2.0], [4.0]]])
    assert model(x)[0, 0, 0].item() == pytest.approx(0.25 + 0.5 * 4 - 0.3 * 1)


def test_a_series_that_was_standardised_has_the_same_coefficients():
    model, values = ARNet(3).double(), torch.randn(3, dtype=torch.float64)
    found = model.regression(mean=10.0, deviation=4.0)
    said = model(values[None, :, None]).item() * 4 + 10
    np.testing.assert_allclose(found.constant + found.coefficients @ (values.numpy()[::-1] * 4 + 10), said)


def test_steps_are_windows():
    model, x = ARNet(4, 2), torch.randn(3, 9)
    state = model.initial_state(3)
    for t in range(9):
        y, state = model.step(x[:, t], state)
        if t >= 3:
            torch.testing.assert_close(y, model(x[:, t - 3 : t + 1, None])[..., 0])


def test_coefficient_error_by_hand():
    assert coefficient_error(np.array([0.5, -0.5]), np.array([0.5, 0.0])) == pytest.approx(100 * 0.5 / 1.5)
    assert coefficient_error(np.zeros(2), np.zeros(2)) == 0 and coefficient_error(np.ones(1), -np.ones(1)) == 100


@pytest.mark.parametrize(("wrong", "message"), [
    (lambda: least_squares(np.zeros(8), 4), "expected 9 values or more for an order of 4, got 8"),
    (lambda: ARNet(0), "order of 1 or more"),
    (lambda: ARNet(4)(torch.zeros(2, 3, 1)), r"windows of shape \(B, 4, D\), got \(2, 3, 1\)"),
])
def test_what_does_not_fit(wrong, message):
    with pytest.raises(InputError, match=message):
        wrong()
