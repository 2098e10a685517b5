"""How RWKV's generations start: alone, and by their place in a stack, channel by channel as in the authors' code."""
import math

import numpy as np
import pytest
import torch

from reprise.layers.memory.rwkv.rwkv4 import RWKV4
from reprise.layers.memory.rwkv.rwkv4_channel import RWKV4Channel
from reprise.layers.memory.rwkv.rwkv5 import RWKV5
from reprise.layers.memory.rwkv.rwkv6 import RWKV6
from reprise.layers.memory.rwkv.rwkv7 import RWKV7, usual_rank
from reprise.layers.memory.rwkv.rwkv7_channel import RWKV7Channel

PLACES = pytest.mark.parametrize("index, depth", [(0, 1), (0, 12), (5, 12), (11, 12)])


def numbers(layer, name) -> np.ndarray:
    """A parameter with all channels in a row."""
    p = layer.get_parameter(name).detach()
    return (p if name == "mu" else p.flatten()).numpy()


@PLACES
def test_rwkv4_starts_as_its_authors_do(index, depth):
    D, layer, wide = 128, RWKV4(128), RWKV4Channel(128)
    layer.placed(index, depth)
    wide.placed(index, depth)
    up, down = index / max(depth - 1, 1), 1 - index / depth
    for n in (0, 1, 2, 50, 127):
        c = n / D
        expected = {"mu": [c ** (0.5 * down), c**down, c**down + 0.3 * up],
                    "decay": -5 + 8 * (n / (D - 1)) ** (0.7 + 1.3 * up), "bonus": math.log(0.3) + ((n + 1) % 3 - 1) / 2}
        for name, want in expected.items():
            np.testing.assert_allclose(numbers(layer, name)[..., n], want, atol=1e-5)
        np.testing.assert_allclose(wide.mu[:, n].detach().numpy(), c**down, atol=1e-5)
    silent = (layer.receptance, layer.key, layer.out, wide.receptance, wide.value)
    assert not any(linear.weight.any() for linear in silent)
    torch.testing.assert_close(layer.value.weight @ layer.value.weight.T, torch.eye(D), rtol=0, atol=1e-4)
    torch.testing.assert_close(wide.key.weight.T @ wide.key.weight, 4 * torch.eye(D), rtol=0, atol=1e-4)


@PLACES
def test_rwkv5_and_rwkv6_start_as_their_authors_do(index, depth):
    D, five, six = 128, RWKV5(128), RWKV6(128)
    five.placed(index, depth)
    six.placed(index, depth)
    up, down = index / max(depth - 1, 1), 1 - index / depth
    for n in (0, 1, 2, 63, 64, 127):
        even, half, along = (n / D) ** down, (n / D) ** (0.5 * down), n / (D - 1)
        expected = {"mu": [half, even, even + 0.3 * up, half], "decay": -6 + 5 * along ** (0.7 + 1.3 * up),
                    "bonus": up * (1 - along) + 0.1 * ((n + 1) % 3 - 1), "norm_scale": ((1 + index) / depth) ** 0.7}
        sixth = expected | {"mu": [1 - z for z in (even, even, even, even + 0.3 * up, half, half)]}
        sixth["decay_up.bias"] = sixth.pop("decay")
        for layer, wanted in ((five, expected), (six, sixth)):
            for name, want in wanted.items():
                got = numbers(layer, name)[..., n]
                np.testing.assert_allclose(got, want, atol=1e-5, err_msg=f"{name}, channel {n}")
    assert not any(linear.weight.any() for linear in (five.out, six.out, six.mix_down, six.decay_down))
    assert 0.0099 < six.mix_up.abs().max() <= 0.01 and 0.0099 < six.decay_up.weight.abs().max() <= 0.01
    torch.testing.assert_close(six.key.weight @ six.key.weight.T, 0.01 * torch.eye(D), rtol=0, atol=1e-5)


@pytest.mark.parametrize("cls", [RWKV4, RWKV4Channel, RWKV5, RWKV6, RWKV7, RWKV7Channel])
def test_none_is_silent_alone(cls):
    assert cls(8)(torch.randn(1, 4, 8))[0].abs().max() > 0


@PLACES
def test_rwkv7_starts_as_its_authors_do(index, depth):
    D, K, layer = 128, 64, RWKV7(128)
    layer.placed(index, depth)
    up, down = index / max(depth - 1, 1), 1 - index / depth
    for n in (0, 1, 31, 63, 64, 100, 127):
        zigzag = (n % K - (K - 1) / 2) / ((K - 1) / 2)
        zigzag *= abs(zigzag)
        expected = {
            "mu": [1 - (n / D) ** (e * down) for e in (0.2, 0.9, 0.7, 0.7, 0.9, 0.2)],
            "decay.2.bias": -6 + 6 * (n / (D - 1)) ** (1 + up**0.3) + 0.5 + zigzag * 2.5,
            "rate.2.bias": -0.19 + zigzag * 0.3 + (n / (D - 1) - 0.5) * 0.4,
            "norm_scale": ((1 + index) / depth) ** 0.7, "xi": 0.71 - (n / (D - 1) - 0.5) * 0.1, "alpha": 1.02}
        for name, want in expected.items():
            got = numbers(layer, name)[..., n]
            np.testing.assert_allclose(got, want, atol=1e-5, err_msg=f"{name}, channel {n}")
    assert not layer.out.weight.any() and not layer.decay[0].weight.any() and layer.decay[2].weight.any()


@pytest.mark.parametrize("width, rank, gate", [(8, 8, 8), (256, 32, 64), (768, 64, 128), (4096, 160, 320)])
def test_rwkv7_has_the_official_ranks(width, rank, gate):
    assert (usual_rank(width, 2.5), usual_rank(width, 5.0)) == (rank, gate)
