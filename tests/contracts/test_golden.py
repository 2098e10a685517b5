"""Six numbers a layer, so that a change of numerics is noticed and meant.

Parameters are filled by a formula, not by a seed, in float64: the numbers survive another generator and another torch.
`pytest --regold` writes them anew; say in the commit why they changed.
"""
import json
from pathlib import Path

import pytest
import torch

from reprise import create_layer, list_layers
from reprise.core.state import named_tensors

FOLDER = Path(__file__).parents[1] / "golden"


@torch.no_grad()
def numbers(name: str) -> list[float]:
    """The last output and the carried state of a filled layer, each as three sums."""
    layer = create_layer(name, 4).double()
    for i, p in enumerate(layer.parameters()):
        p.copy_(0.5 * torch.sin(torch.arange(p.numel(), dtype=torch.float64) + i).view_as(p))
    x = torch.cos(torch.arange(2 * 19 * 4, dtype=torch.float64)).view(2, 19, 4)
    y, state = layer(x, resets=torch.arange(19).expand(2, 19) == 7)
    carried = torch.cat([torch.view_as_real(s).flatten() if s.is_complex() else s.double().flatten()
                         for _, s in named_tensors(state)])
    return [value.item() for z in (y, carried) for value in (z.sum(), z.abs().sum(), (z * z.cos()).sum())]


@pytest.mark.parametrize("name", list_layers())
def test_numbers_stay(name, request):
    path, found = FOLDER / f"{name}.json", numbers(name)
    if request.config.getoption("--regold"):
        path.write_text(json.dumps(found) + "\n")
    assert path.exists(), f"no golden for {name}; write it with --regold"
    torch.testing.assert_close(torch.tensor(found), torch.tensor(json.loads(path.read_text())), rtol=1e-9, atol=1e-9)


def test_no_golden_outlives_its_layer():
    assert {path.stem for path in FOLDER.glob("*.json")} == set(list_layers())
