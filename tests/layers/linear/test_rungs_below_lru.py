"""The rungs below LRU, each against a loop over time."""
import math

import pytest
import torch
from torch.testing import assert_close

from reprise import create_layer
from reprise.core.errors import InputError

RUNGS = ("linear_rnn", "lru_direct", "lru_unscaled")


@pytest.mark.parametrize("name", RUNGS)
@torch.no_grad()
def test_equations(name):
    layer, x = create_layer(name, 3, hidden=5).double(), torch.randn(2, 7, 3, dtype=torch.float64)
    if name == "linear_rnn":
        A, B, C = layer.A, layer.B, layer.C
    else:
        eigenvalues = torch.complex(layer.u, layer.v) if name == "lru_direct" else torch.exp(
            torch.complex(-layer.nu.exp(), layer.theta.exp()))
        A, B, C = torch.diag(eigenvalues), torch.complex(*layer.B.unbind(1)), torch.complex(*layer.C.unbind(2))
    h, ys = torch.zeros(2, 5, dtype=A.dtype), []
    for x_t in x.unbind(1):
        h = h @ A.mT + x_t.to(A.dtype) @ B.mT
        ys.append((h @ C.mT).real + layer.D * x_t)
    y, state = layer(x)
    assert_close(y, torch.stack(ys, 1))
    assert_close(state.memory, h)


@torch.no_grad()
def test_lru_without_its_scale_is_the_rung_below():
    full, below = create_layer("lru", 3, r_min=0.5), create_layer("lru_unscaled", 3, r_min=0.5)
    full.gamma.zero_()
    below.load_state_dict({name: p for name, p in full.state_dict().items() if name != "gamma"})
    x = torch.randn(2, 9, 3)
    assert_close(full(x)[0], below(x)[0])


@torch.no_grad()
def test_eigenvalues_start_in_the_ring_or_the_disk():
    options = {"hidden": 500, "r_min": 0.8, "r_max": 0.9, "max_phase": 0.5}
    direct, unscaled = (create_layer(name, 2, **options) for name in ("lru_direct", "lru_unscaled"))
    for found in (torch.complex(direct.u, direct.v), torch.polar(torch.exp(-unscaled.nu.exp()), unscaled.theta.exp())):
        assert found.abs().min() >= 0.8 - 1e-6 and found.abs().max() <= 0.9 + 1e-6
        assert found.angle().min() > 0 and found.angle().max() <= 0.5 + 1e-6
    for states in (2, 8, 200):
        radius = torch.linalg.eigvals(create_layer("linear_rnn", 2, hidden=states).A).abs().max()
        assert radius <= 1 + 1e-5
    assert radius > 0.9


@pytest.mark.parametrize("name", RUNGS[1:])
def test_what_is_no_ring_is_an_error(name):
    with pytest.raises(InputError, match=r"r_min=0.9, r_max=0.5, .* is no ring"):
        create_layer(name, 4, r_min=0.9, r_max=0.5)
    with pytest.raises(InputError, match="is no ring"):
        create_layer(name, 4, max_phase=math.inf)


@pytest.mark.parametrize("name", ["lru", "lru_direct", "lru_unscaled"])
def test_a_ring_against_the_unit_circle_is_inside(name):
    layer = create_layer(name, 2, hidden=64, r_min=1 - 1e-9, r_max=1.0)
    assert all(p.isfinite().all() for p in layer.parameters())
    y, _ = layer(torch.randn(1, 5, 2))
    assert y.isfinite().all()
