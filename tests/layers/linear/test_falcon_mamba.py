"""Falcon Mamba against a loop written from the paper, and what its norms are for."""
import torch
from torch.nn.functional import pad, silu, softplus
from torch.testing import assert_close

from reprise.layers.linear.falcon_mamba import FalconMamba

D, T = 5, 9


def norm(z):
    return z / (z.square().mean() + 1e-6).sqrt()


def test_falcon_mamba_is_the_papers_loop():
    layer = FalconMamba(D, hidden=6, states=3, rank=2, kernel_size=3).double()
    x = torch.randn(T, D, dtype=torch.float64)
    z = pad(layer.local.from_x(x), (0, 0, 2, 0))
    h, ys, A = torch.zeros(6, 3, dtype=torch.float64), [], -layer.log_A.exp()
    for t in range(T):
        u = silu(layer.local.bias + sum(w * z[t + 2 - j] for j, w in enumerate(layer.local.weight)))
        r, B, C = map(norm, layer.select(u).split([2, 3, 3]))
        dt = softplus(layer.step_size(r))
        h = torch.exp(dt[:, None] * A) * h + torch.outer(dt * u, B)
        ys.append(layer.out((h @ C + layer.D * u) * silu(layer.gate(x[t]))))
    assert_close(layer(x[None])[0][0], torch.stack(ys))


def test_what_is_chosen_has_a_fixed_size():
    layer = FalconMamba(64)
    for scale in (10.0, 1e6):
        for z in layer.choose(scale * torch.randn(2, T, 128)):
            assert_close(z.square().mean(-1).sqrt(), torch.ones(2, T), rtol=1e-3, atol=1e-3)
