"""Under autocast every layer runs, learns, and carries its state in the types it begins with."""
import pytest
import torch

from reprise import create_layer, list_layers
from reprise.core.state import named_tensors


@pytest.mark.filterwarnings("ignore:Mismatch dtype between input and weight")  # torch's, of its own norms
@pytest.mark.parametrize("given", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("name", list_layers())
def test_every_layer_runs_under_autocast(name, given):
    layer, x = create_layer(name, 8), torch.randn(2, 9, 8)
    exact, _ = layer(x)
    x = x.to(given).requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        _, state = layer(x[:, :4], layer.initial_state(2))
        y, state = layer(x[:, 4:], state)
        y.float().square().sum().backward()
    assert y.isfinite().all() and all(p.grad is None or p.grad.isfinite().all() for p in layer.parameters())
    assert (y.float() - exact[:, 4:]).norm() < 0.2 * exact[:, 4:].norm(), "another function"
    start = dict(named_tensors(layer.initial_state(2)))
    assert {n: s.dtype for n, s in named_tensors(state)} == {n: s.dtype for n, s in start.items()}
