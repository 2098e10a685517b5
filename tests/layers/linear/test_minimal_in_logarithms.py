"""minGRU and minLSTM as the paper runs them, on logarithms (Feng et al. 2024, app. B), are ours, which run on h."""
import pytest
import torch
from torch.nn.functional import softplus

from reprise.layers import create_layer


def log_g(u):
    return torch.where(u > 0, (torch.relu(u) + 0.5).log(), -softplus(-u))


def coefficients(layer, x):
    """log of what is kept, and of what is written."""
    if hasattr(layer, "gate"):
        k = layer.gate(x)
        return -softplus(k), -softplus(-k) + log_g(layer.candidate(x))
    f, i = layer.gates(x).chunk(2, -1)
    d = softplus(-f) - softplus(-i)
    return -softplus(d), -softplus(-d) + log_g(layer.candidate(x))


def scan_of_logarithms(log_a, log_v, log_h):
    kept = log_a.cumsum(1)
    terms = torch.cat([log_h[:, None], log_v - kept], 1)
    return (kept + terms.logcumsumexp(1)[:, 1:]).exp()


@pytest.mark.parametrize("name", ["mingru", "minlstm"])
@pytest.mark.parametrize("size", [1.0, 10.0])
def test_scan_of_logarithms(name, size):
    torch.manual_seed(0)
    layer, x = create_layer(name, 5).double(), size * torch.randn(3, 200, 5, dtype=torch.float64)
    _, state = layer(x[:, :50])
    with torch.no_grad():
        log_a, log_v = coefficients(layer, x[:, 50:])
        carried = scan_of_logarithms(log_a, log_v, state.memory.log())  # log h, not log g(h): h is positive already
        log_a, log_v = coefficients(layer, x)
        whole = scan_of_logarithms(log_a, log_v, torch.full((3, 5), -torch.inf, dtype=torch.float64))
        torch.testing.assert_close(layer(x)[0], whole, rtol=1e-8, atol=1e-10)
        torch.testing.assert_close(layer(x[:, 50:], state)[0], carried, rtol=1e-8, atol=1e-10)
