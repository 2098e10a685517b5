"""Spirals that turn faster on one side."""
import pytest
import torch

from reprise.core.errors import InputError
from reprise.data.irregular.spirals import spirals


def test_they_shrink_and_turn_as_said():
    found = spirals(400, 30, torch.Generator().manual_seed(0), noise=0.0)
    assert torch.equal(found.x[:, 1:], found.y[:, :-1]) and abs(found.elapsed.mean() - 0.295) < 0.01
    torch.testing.assert_close(found.y.norm(dim=-1), found.x.norm(dim=-1) * torch.exp(-0.1 * found.elapsed))
    before, after = (torch.view_as_complex(z.contiguous()) for z in (found.x, found.y))
    speed = (after / before).angle().abs() / found.elapsed
    right, left = ((before.real * side > 0) & (after.real * side > 0) & (found.elapsed < 0.3) for side in (1, -1))
    torch.testing.assert_close(speed[right], torch.ones_like(speed[right]), rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(speed[left], torch.full_like(speed[left], 4.0), rtol=1e-3, atol=1e-3)
    with pytest.raises(InputError, match="expected a gap above 0"):
        spirals(2, 3, torch.Generator(), gap=0.0)
