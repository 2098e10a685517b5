"""Forecasting by patches: what is read when, by steps and at once, and what level and scale have to do with it."""
import pytest
import torch
from torch import nn

from reprise.core.errors import InputError
from reprise.models.forecast.patch_forecaster import PatchForecaster, rimer, rimer_lite
from reprise.models.stack import Stack

L, H, P = 12, 10, 4


def stir(model):
    """RWKV-7 begins with zero matrices, behind which nothing shows."""
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.3)
    return model.double()


BUILT = {
    "rimer": lambda: rimer(L, H, P, width=8, depth=2), "lite": lambda: rimer_lite(L, H, P, width=8),
    "lstm": lambda: PatchForecaster(Stack(["lstm"], 7, None), L, H, P),
    "attention": lambda: PatchForecaster(Stack(["full_attention"], 8, "mlp"), L, H, P, normalise=False),
}


@pytest.mark.parametrize("kind", BUILT)
class TestEach:
    def model(self, kind):
        return stir(BUILT[kind]())

    def test_forecasts_are_read_in_turn(self, kind):
        """Patch by patch from the first, by `step` alone."""
        model, x = self.model(kind), torch.randn(2, L, 3, dtype=torch.float64)
        z, scale = model.scale(x)
        z = z if model.normalise else x
        for row, d in ((0, 0), (1, 2)):
            state, said = model.initial_state(1), []
            for k in range(L // P):
                found, state = model.step(z[row, k * P : (k + 1) * P, d][None], state)
            for _ in range(3):
                said.append(found)
                found, state = model.step(found, state)
            y = torch.cat(said, 1)[0, :H]
            y = y * scale.deviation[row, 0, d] + scale.mean[row, 0, d] if model.normalise else y
            torch.testing.assert_close(model(x)[row, :, d], y)

    def test_what_follows_each_patch_looks_at_those_before(self, kind):
        model, x = self.model(kind), torch.randn(1, L + H, 2, dtype=torch.float64)
        whole = model.following(x)
        assert whole.shape == (1, 16, 2)
        torch.testing.assert_close(whole[:, L - P : L], model(x[:, :L])[:, :P])
        changed = x.clone()
        changed[:, L + P :] += 1
        torch.testing.assert_close(model.following(changed)[:, : L + P - P], whole[:, : L + P - P])

    def test_every_parameter_is_learned(self, kind):
        model = self.model(kind)
        model(torch.randn(2, L, 1, dtype=torch.float64)).square().sum().backward()
        idle = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]
        assert not [name for name in idle if "share" not in name], idle


def test_level_and_scale_go_through():
    model, x = stir(BUILT["rimer"]()), torch.randn(2, L, 3, dtype=torch.float64)
    torch.testing.assert_close(model(7 * x - 3), 7 * model(x) - 3, rtol=1e-3, atol=1e-3)


def test_lite_is_one_block_of_linear_channel_mixing():
    model = rimer_lite(L, H, P, width=8)
    assert len([m for m in model.modules() if type(m).__name__ == "RWKV7"]) == 1
    x = torch.randn(1, 5, 8)
    torch.testing.assert_close(model.stack.channel(3 * x), 3 * model.stack.channel(x))


@pytest.mark.parametrize(("wrong", "message"), [
    (lambda: rimer(14, H, P, width=8), "multiple of the patch, got 14 and 4; try lookback=12"),
    (lambda: rimer(L, H, P, width=8)(torch.zeros(1, 8, 2)), r"windows of shape \(B, 12, D\), got \(1, 8, 2\)"),
    (lambda: rimer(L, 0, P, width=8), "horizon of 1 or more, got 0"),
])
def test_what_does_not_fit(wrong, message):
    with pytest.raises(InputError, match=message):
        wrong()
