"""Channel mixers: the same at every step, as large as the papers say."""
import pytest
import torch
from torch.nn.functional import gelu, silu
from torch.testing import assert_close

from reprise.layers.channel.glu import GLU
from reprise.layers.channel.mlp import MLP
from reprise.layers.registry import create_channel


def test_equations():
    x, mlp, glu = torch.randn(2, 3, 4), MLP(4), GLU(4)
    inside = gelu(x @ mlp.from_x.weight.T + mlp.from_x.bias)
    assert_close(mlp(x), inside @ mlp.out.weight.T + mlp.out.bias)
    assert_close(glu(x), (silu(x @ glu.gate.weight.T) * (x @ glu.from_x.weight.T)) @ glu.out.weight.T)


@pytest.mark.parametrize("name", ["mlp", "glu"])
@pytest.mark.parametrize("width", [1, 4, 256])
def test_every_step_alone_and_everything_learns(name, width):
    mixer, x = create_channel(name, width), torch.randn(2, 5, width)
    y = mixer(x)
    assert y.shape == x.shape and mixer(x[:, :0]).shape == (2, 0, width)
    assert_close(y[:, 3:4], mixer(x[:, 3:4]))
    y.square().sum().backward()
    assert all(p.grad.any() for p in mixer.parameters())


@pytest.mark.parametrize(("width", "hidden"), [(1, 8), (3, 8), (4, 16), (256, 688), (384, 1024)])
def test_glu_is_eight_thirds_wide_rounded_up(width, hidden):
    assert GLU(width).out.in_features == hidden
    assert GLU(width, hidden=5).out.in_features == 5


def test_glu_costs_what_an_mlp_costs():
    sizes = [sum(p.numel() for p in create_channel(name, 384).parameters() if p.ndim == 2) for name in ("mlp", "glu")]
    assert sizes[0] == sizes[1]
