"""Autocorrelations against a plain sum; timescales of processes whose timescale is known."""
import math

import pytest
import torch
from scipy import optimize

from reprise.analysis.timescales import activity, autocorrelation, fit_decay
from reprise.core.errors import InputError
from reprise.models.sequence_model import SequenceModel


def autoregressive(decay, rows=20, steps=2000):
    """x_t = decay x_{t-1} + noise: its timescale is -1 / log(decay)."""
    x, every = torch.zeros(rows, len(decay)), []
    generator = torch.Generator().manual_seed(0)
    for _ in range(steps + 200):
        x = decay * x + torch.randn(rows, len(decay), generator=generator)
        every.append(x)
    return torch.stack(every[200:], 1)


def test_activity_is_what_the_layer_puts_out():
    model = SequenceModel("gru", 1, 2, width=4, depth=1)
    x, block = torch.randn(2, 7, 1), model.stack.blocks[0]
    want = block.layer(block.before_layer(model.into(x)))[0]
    for _ in range(2):
        torch.testing.assert_close(activity(model, "stack.blocks.0.layer", x), want)


def test_autocorrelation_is_the_plain_sum():
    x = torch.randn(3, 17, 4, dtype=torch.float64).cumsum(1)
    got = autocorrelation(x, 16)
    for d in range(4):
        rows = [row - row.mean() for row in x[:, :, d]]
        want = [sum(sum(row[t] * row[t + k] for t in range(17 - k)) / (17 - k) for row in rows) for k in range(17)]
        torch.testing.assert_close(got[:, d], torch.stack(want) / want[0])


def test_rows_and_units_do_not_mix_and_scale_does_not_matter():
    x = torch.randn(5, 60, 3, dtype=torch.float64)
    got = autocorrelation(x, 9)
    torch.testing.assert_close(autocorrelation(x.flip(0), 9), got)
    torch.testing.assert_close(autocorrelation(7 * x[..., [2, 0]] + 3, 9), got[:, [2, 0]])


@pytest.mark.parametrize("timescale", [1.0, 3.0, 10.0])
def test_a_process_with_one_timescale(timescale):
    x = autoregressive(torch.full((4,), math.exp(-1 / timescale)))
    found = fit_decay(autocorrelation(x, 30))
    assert (found.timescale / timescale - 1).abs().max() < 0.2


def test_sums_of_exponentials_are_found():
    k = torch.arange(31.0, dtype=torch.float64)
    y = torch.stack([torch.exp(-k / 5), 0.3 * torch.exp(-k / 2) + 0.7 * torch.exp(-k / 20)], 1)
    found = fit_decay(y + 1e-3 * torch.randn(31, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64))
    assert found.exponentials.tolist() == [1, 2]
    assert found.timescale.tolist() == pytest.approx([5, 0.3 * 2 + 0.7 * 20], rel=0.1)
    assert found.slowest.tolist() == pytest.approx([5, 20], rel=0.1)


def test_the_grid_is_no_worse_than_a_search():
    y = autocorrelation(autoregressive(torch.tensor([0.5, 0.8, 0.95])), 30).double()
    k = torch.arange(31.0, dtype=torch.float64).numpy()
    found = fit_decay(y, places=200)
    for d in range(3):
        (_, want), _ = optimize.curve_fit(lambda k, a, s: a * math.e ** (-k / s), k, y[:, d].numpy(), p0=(1, 3))
        assert found.exponentials[d] == 2 or float(found.timescale[d]) == pytest.approx(want, rel=0.05)


def test_a_unit_that_stands_still_has_none():
    x = torch.randn(2, 50, 2)
    x[..., 1] = 4.2
    found = fit_decay(autocorrelation(x, 10))
    assert found.timescale.isnan().tolist() == [False, True] and found.exponentials[1] == 0


@pytest.mark.parametrize("part", ["stack", "stack.blocks.1", "stack.blocks.1.layer"])
@pytest.mark.parametrize("layer", ["gru", "rwkv7"])
def test_blocks_and_layers_that_look_beside_are_seen(layer, part):
    torch.manual_seed(0)
    model, seen = SequenceModel(layer, 1, 2, width=4, depth=2, channel=None), []
    x, block = torch.randn(2, 7, 1), model.stack.blocks[1]
    model.norm.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    block.before_layer.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    model(x)
    before, after = seen  # of the last block
    want = after - before if part.endswith("layer") else after
    torch.testing.assert_close(activity(model, part, x), want)


def test_activity_is_without_dropout_and_leaves_the_model_as_it_was():
    model = SequenceModel("gru", 1, 2, width=4, depth=2, dropout=0.5)
    model.stack.blocks[1].eval()
    x, modes = torch.randn(2, 7, 1), [module.training for module in model.modules()]
    first, again = (activity(model, "stack.blocks.1.layer", x) for _ in range(2))
    assert torch.equal(first, again) and [module.training for module in model.modules()] == modes


def test_measures_stay_on_the_device_they_are_given():
    found = fit_decay(autocorrelation(torch.zeros(2, 30, 3, device="meta"), 9))
    assert {z.device.type for z in found} == {"meta"}


def test_misfits_are_refused():
    model = SequenceModel("gru", 1, 2, width=4, depth=1)
    with pytest.raises(InputError, match=r"no sequence layer 'stack\.block\.0\.layer'; did you mean"):
        activity(model, "stack.block.0.layer", torch.zeros(1, 2, 1))
    with pytest.raises(InputError, match=r"does not run 'stack\.blocks\.0\.layer\.local\.convolution'"):
        activity(SequenceModel("mlstm", 1, 2, width=4), "stack.blocks.0.layer.local.convolution", torch.zeros(1, 2, 1))
    with pytest.raises(InputError, match="1 to T - 1 lags, got"):
        autocorrelation(torch.zeros(2, 5, 3), 5)
    with pytest.raises(InputError, match="at six lags or more"):
        fit_decay(torch.ones(5, 2))
