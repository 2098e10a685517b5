"""The maps of blocks add up to the forecast, also a little further on."""
import torch

from reprise.analysis.block_maps import block_maps
from reprise.models.forecast.nbeats import NBeats

L, H = 10, 4


def test_they_are_the_forecast_around_the_window():
    model = NBeats(L, H, ("trend", "generic"), blocks=2, width=8, scale=None).double()
    x = torch.rand(L, dtype=torch.float64) + 1
    found = block_maps(model, x)
    assert found.maps.shape == (4, H, L)
    for near in (x, x + 1e-7 * torch.rand(L, dtype=torch.float64)):
        torch.testing.assert_close(found.maps.sum(0) @ near + found.offsets.sum(0), model(near[None, :, None])[0, :, 0])


def test_a_first_block_is_its_active_units():
    model = NBeats(L, H, blocks=2, width=8, layers=1, scale=None, shared=True).double()
    x = torch.randn(L, dtype=torch.float64)
    block, first = model.stacks[0][0], block_maps(model, x).maps
    linear = block.extract[0]
    active = (linear(x) > 0).double()
    torch.testing.assert_close(first[0], (block.forecast.weight * active) @ linear.weight)
    left = x - block.backcast(active * linear(x))
    back = (block.backcast.weight * active) @ linear.weight
    again = (block.forecast.weight * (linear(left) > 0)) @ linear.weight
    torch.testing.assert_close(first[1], again @ (torch.eye(L, dtype=torch.float64) - back))
