"""A learned cycle: which of its values come when, around windows and around models that carry a state."""
import pytest
import torch
from torch import nn

from reprise.core.errors import InputError
from reprise.models.forecast.cyclenet import CycleNet, WindowMap
from reprise.models.forecast.linear_forecaster import LinearForecaster
from reprise.models.forecast.wrappers.cycle import Cyclic, CyclicModel, RecurrentCycle
from reprise.models.forecast.wrappers.instance_norm import InstanceNorm, Normalised
from reprise.models.forecast.wrappers.quantiles import Quantiles
from reprise.models.sequence_model import SequenceModel
from reprise.training.optimisers import parameter_groups

W, C, L, H = 5, 3, 7, 4


def filled(module):
    """Cycles begin at zero, which shows nothing."""
    for part in module.modules():
        if isinstance(part, RecurrentCycle):
            nn.init.normal_(part.values)
    return module


def test_values_come_round():
    cycle = filled(RecurrentCycle(W, C))
    found = cycle(torch.tensor([0, 13, -1]), 7)
    for row, clock in enumerate((0, 13, -1)):
        for t in range(7):
            assert torch.equal(found[row, t], cycle.values[(clock + t) % W])
    some = cycle(torch.tensor([0, 13, -1]), 7, torch.tensor([[2], [0], [2]]))
    assert torch.equal(some[:, :, 0], torch.stack([found[0, :, 2], found[1, :, 0], found[2, :, 2]]))


def test_each_value_is_learned_from_where_it_was():
    cycle = RecurrentCycle(W, C)
    cycle(torch.tensor([3]), 2, torch.tensor([[1]])).sum().backward()
    assert cycle.values.grad.nonzero().tolist() == [[3, 1], [4, 1]]
    assert [name for name, _ in parameter_groups(cycle)["plain"]] == ["values"]


@pytest.mark.parametrize("inner", [WindowMap(L, H), WindowMap(L, H, 6), LinearForecaster(L, H)])
def test_around_any_forecaster(inner):
    model, x, clock = filled(Cyclic(inner, W, C)), torch.randn(2, L, C), torch.tensor([4, 11])
    for row in range(2):
        before = torch.stack([model.cycle.values[(clock[row] + t) % W] for t in range(L)])
        after = torch.stack([model.cycle.values[(clock[row] + L + t) % W] for t in range(H)])
        torch.testing.assert_close(model(x, clock)[row], inner((x[row] - before)[None])[0] + after)
    single = model(x[:, :, 1:2], clock, torch.full((2, 1), 1))
    torch.testing.assert_close(single, model(x, clock)[:, :, 1:2])


def test_a_cycle_alone_is_forecast_beyond_the_window():
    """Of a forecaster of nothing, what remains is the cycle: also where it is longer than the window."""
    model = filled(Cyclic(WindowMap(2, 9), 11, 1))
    nn.init.zeros_(model.forecaster.map.weight)
    nn.init.zeros_(model.forecaster.map.bias)
    found = model(torch.zeros(1, 2, 1), torch.tensor([20]))
    assert torch.equal(found[0], model.cycle.values[(torch.arange(9) + 22) % 11])


def test_quantiles_stand_around_the_cycle():
    model = filled(Cyclic(Quantiles(WindowMap(L, 3 * H), 3), W, C))
    x, clock = torch.randn(2, L, C), torch.tensor([4, 11])
    found = model(x, clock)
    assert found.shape == (2, H, C, 3)
    torch.testing.assert_close(found.diff(dim=-1), model.forecaster(x - model.cycle(clock, L)).diff(dim=-1))
    plain = Quantiles(WindowMap(L, 3 * H), 3)
    torch.testing.assert_close(plain(x)[:, 1, :, 2], plain.forecaster(x)[:, 5])
    with pytest.raises(InputError, match="a multiple of 5 steps ahead, got 12"):
        Quantiles(WindowMap(L, 3 * H), 5)(x)


def test_normalised_forecasts_scale_and_shift_with_their_windows():
    model, x, clock = filled(CycleNet(L, H, C, W, hidden=6)), torch.randn(2, L, C), torch.tensor([4, 11])
    torch.testing.assert_close(model(30 * x + 5, clock), 30 * model(x, clock) + 5, rtol=1e-3, atol=1e-3)
    bare = filled(CycleNet(L, H, C, W, normalise=False))
    assert (bare(30 * x + 5, clock) - 30 * bare(x, clock) - 5).abs().max() > 1


def test_the_norm_by_hand():
    x = torch.tensor([[[1.0], [3.0], [5.0]]])
    z, scale = InstanceNorm(eps=0.0)(x)
    torch.testing.assert_close(z, (x - 3) / (8 / 3) ** 0.5)
    torch.testing.assert_close(InstanceNorm().restore(z, scale), x)
    assert torch.isfinite(Normalised(WindowMap(3, 2))(torch.ones(1, 3, 1))).all()


class TestStreaming:
    def model(self):
        return filled(CyclicModel(SequenceModel("gru", C, C, width=8, depth=1), W, C))

    def test_a_step_is_a_step(self):
        model, x = self.model(), torch.randn(2, 9, C)
        whole, end = model(x, model.initial_state(2, torch.tensor([3, 14])))
        state = model.initial_state(2, torch.tensor([3, 14]))
        for t in range(9):
            y, state = model.step(x[:, t], state)
            torch.testing.assert_close(y, whole[:, t])
        assert state.clock.tolist() == end.clock.tolist() == [12, 23]

    def test_the_phase_is_carried(self):
        model, x = self.model(), torch.randn(2, 9, C)
        whole, _ = model(x)
        first, state = model(x[:, :4])
        torch.testing.assert_close(torch.cat([first, model(x[:, 4:], state)[0]], 1), whole)

    def test_what_is_said_is_of_the_next_step(self):
        model = self.model()
        nn.init.zeros_(model.model.out.weight)
        nn.init.zeros_(model.model.out.bias)
        y, _ = model(torch.randn(1, 6, C), model.initial_state(1, torch.tensor([2])))
        torch.testing.assert_close(y[0], model.cycle.values[(torch.arange(6) + 3) % W])


@pytest.mark.parametrize(("wrong", "message"), [
    (lambda: Cyclic(WindowMap(L, H), W, C)(torch.zeros(1, L, 2), torch.tensor([0])), r"all 3 series, got \(1, 7, 2\)"),
    (lambda: RecurrentCycle(0, C), "cycle of 1 or more, got 0"),
    (lambda: CyclicModel(SequenceModel("gru", C, 2, width=8), W, C)(torch.zeros(1, 4, C)), "as many outputs as inputs"),
])
def test_what_does_not_fit(wrong, message):
    with pytest.raises(InputError, match=message):
        wrong()
