"""N-BEATS, against its equations written out for one series, and against what it must not depend on."""
import copy
import math

import numpy as np
import pytest
import torch
from torch import nn

from reprise.core.errors import InputError
from reprise.models.forecast.nbeats import NBeats, powers, waves

L, H = 12, 5


def network(*stacks, **options):
    torch.manual_seed(1)
    return NBeats(L, H, stacks or ("generic",), **({"blocks": 3, "width": 8} | options)).double()


def windows(B=4, D=2, seed=0):
    return torch.randn(B, L, D, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 10 + 3


def plain(model, x, kinds, shared, length=L):
    """One series in numpy, its parts of all blocks, by the formulas of the paper."""
    bases = {"trend": lambda n: [[(t / n) ** p for t in range(n)] for p in range(4)],
             "season": lambda n: [[math.cos(2 * math.pi * k * t / n) for t in range(n)] for k in range(n // 2)]
             + [[math.sin(2 * math.pi * k * t / n) for t in range(n)] for k in range(1, n // 2)]}
    x = x.numpy().copy()
    real = np.arange(L) >= L - length
    x[~real] = 0
    level, parts = abs(x).max(), []
    x /= level
    for stack, kind in zip(model.stacks, kinds):
        for index in range(3):
            block = stack[0 if shared else index]
            h = x
            for layer in block.extract:
                if isinstance(layer, nn.Linear):
                    h = np.maximum(layer.weight.detach().numpy() @ h + layer.bias.detach().numpy(), 0)
            back, ahead = (m.weight.detach().numpy() @ h for m in (block.backcast, block.forecast))
            if kind == "generic":
                back, ahead = back + block.backcast.bias.detach().numpy(), ahead + block.forecast.bias.detach().numpy()
            else:
                back, ahead = back @ np.array(bases[kind](L)), ahead @ np.array(bases[kind](H))
            x = x - back * real
            parts.append(ahead * level)
    return parts


@pytest.mark.parametrize("kinds", [("generic",), ("trend", "season"), ("season", "generic", "trend")])
@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("length", [L, 7])
def test_it_is_its_equations(kinds, shared, length):
    model, x = network(*kinds, shared=shared), windows()
    trace = model.trace(x, torch.tensor([length, L, L, length]))
    for row, column, size in ((0, 1, length), (2, 0, L)):
        parts = plain(model, x[row, :, column], kinds, shared, size)
        np.testing.assert_allclose(trace.blocks[:, :, row, :, column].detach().numpy().reshape(-1, H), parts, rtol=1e-6)
    torch.testing.assert_close(trace.forecast, trace.blocks.sum((0, 1)))


@pytest.mark.parametrize("scale", ["max", "mean"])
def test_a_series_in_other_units_has_the_same_forecast(scale):
    model, x = network(scale=scale), windows()
    torch.testing.assert_close(model(1000 * x), 1000 * model(x))
    assert not torch.allclose(network(scale=None)(1000 * x), 1000 * network(scale=None)(x))


def test_series_are_alone():
    model, x = network(), windows(D=3)
    torch.testing.assert_close(model(x)[:, :, 1:2], model(x[:, :, 1:2]))
    torch.testing.assert_close(model(x)[2:3], model(x[2:3]))


@pytest.mark.parametrize("scale", ["max", "mean", None])
def test_padding_says_nothing(scale):
    model, x, lengths = network("trend", "generic", scale=scale), windows(), torch.tensor([3, 12, 1, 8])
    other = x.clone()
    for row, length in enumerate(lengths):
        other[row, : L - length] = math.nan
    torch.testing.assert_close(model(other, lengths), model(x, lengths), rtol=0, atol=0)
    torch.testing.assert_close(model(x, torch.full((4,), L)), model(x))


def test_shared_blocks_are_as_separate_ones_with_the_same_weights():
    model = network("generic", "trend", shared=True)
    unrolled = network("generic", "trend")
    for mine, stack in zip(unrolled.stacks, model.stacks):
        for block in mine:
            block.load_state_dict(stack[0].state_dict())
    torch.testing.assert_close(unrolled(windows()), model(windows()))
    count = lambda m: sum(p.numel() for p in m.parameters())  # noqa: E731
    assert count(unrolled) == 3 * count(model) == 3 * count(network("generic", "trend", shared=True, blocks=9))


def test_without_the_subtraction_blocks_say_the_same_thing_again():
    blocks = network(shared=True, residual=False).trace(windows()).blocks[0]
    torch.testing.assert_close(blocks[1:], blocks[:1].expand(2, -1, -1, -1))


def test_features_are_those_the_forecast_is_made_from():
    model, x = network("generic", "season"), windows()
    trace = model.trace(x)
    assert [f.shape for f in trace.features] == [(4, 2, 24)] * 2
    made = model.stacks[1][2].forecast(trace.features[1][..., 16:]) @ model.stacks[1][2].after
    level = x.abs().amax(1)[..., None]
    torch.testing.assert_close(trace.blocks[1, 2], (made * level).mT)


def test_a_window_of_zeros_is_at_level_one():
    assert network()(torch.zeros(2, L, 1, dtype=torch.float64)).isfinite().all()


def test_bases():
    t = torch.arange(8) / 8
    torch.testing.assert_close(powers(8, 2), torch.stack([t**0, t, t**2]))
    gram = waves(8) @ waves(8).T  # whole periods are orthogonal
    torch.testing.assert_close(gram, torch.diag(torch.tensor([8.0] + [4.0] * 6)), rtol=0, atol=1e-5)
    assert waves(1).shape == (1, 1)


def test_round_trip():
    model, x = network("trend", "season", "generic"), windows()
    other = network("trend", "season", "generic")
    with torch.no_grad():
        for p in other.parameters():
            p.zero_()
    other.load_state_dict(copy.deepcopy(model).state_dict())
    torch.testing.assert_close(other(x), model(x), rtol=0, atol=0)


@pytest.mark.parametrize(("wrong", "message"), [
    (lambda: NBeats(0, 5), "lookback of 1 or more, got 0"),
    (lambda: NBeats(L, H, ()), "stacks of 1 or more, got 0"),
    (lambda: NBeats(L, H, ("seasonal",)), "no stack is of kind 'seasonal'; did you mean 'season'"),
    (lambda: NBeats(L, H, scale="median"), "max, mean or None, got 'median'"),
    (lambda: NBeats(L, H, degree=-1), "degree of 0 or more, got -1"),
    (lambda: network()(windows()[:, 1:]), r"shape \(B, 12, D\), got \(4, 11, 2\); pad"),
    (lambda: network()(windows(), torch.tensor([1, 2])), r"each of 4 windows, got \(2,\)"),
])
def test_what_does_not_fit(wrong, message):
    with pytest.raises(InputError, match=message):
        wrong()
