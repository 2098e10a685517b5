"""Falcon Mamba against transformers' FalconMambaMixer with the same weights: outputs, states, gradients.

Only from an empty cache: theirs begins anew when more than one step follows.
"""
import pytest
import torch
from transformers import FalconMambaConfig
from transformers.cache_utils import DynamicCache
from transformers.models.falcon_mamba.modeling_falcon_mamba import FalconMambaMixer

from reprise.bases.recurrent import State
from reprise.layers.linear.falcon_mamba import FalconMamba

WIDTH, HIDDEN, STATES, RANK, KERNEL = 6, 10, 4, 3, 4
CONFIG = FalconMambaConfig(
    hidden_size=WIDTH, intermediate_size=HIDDEN, state_size=STATES, time_step_rank=RANK, num_hidden_layers=1)


@pytest.fixture
def theirs() -> FalconMambaMixer:
    mixer = FalconMambaMixer(CONFIG, 0, initialize_mixer_weights=False)  # which its constructor does too early
    mixer.init_falcon_mamba_weights()
    with torch.no_grad():
        mixer.A_log += 0.1 * torch.randn_like(mixer.A_log)
        mixer.D += torch.randn_like(mixer.D)
        mixer.dt_proj.bias += 1.0  # further from its start than training goes, so that memory matters
    return mixer


def named(mixer: FalconMambaMixer, read) -> dict[str, torch.Tensor]:
    """What `read` says of their parameters, by the names of ours."""
    into, gate = read(mixer.in_proj.weight).chunk(2)
    return {
        "log_A": read(mixer.A_log), "D": read(mixer.D),
        "local.weight": read(mixer.conv1d.weight)[:, 0].flip(-1).T, "local.bias": read(mixer.conv1d.bias),
        "local.from_x.weight": into, "gate.weight": gate, "select.weight": read(mixer.x_proj.weight),
        "step_size.weight": read(mixer.dt_proj.weight), "step_size.bias": read(mixer.dt_proj.bias),
        "out.weight": read(mixer.out_proj.weight),
    }


@pytest.fixture
def ours(theirs) -> FalconMamba:
    layer = FalconMamba(WIDTH, HIDDEN, STATES, RANK, KERNEL)
    layer.load_state_dict(named(theirs, torch.detach))
    return layer


def test_outputs_and_gradients(ours, theirs, agree):
    x, seed = torch.randn(2, 37, WIDTH), torch.randn(2, 37, WIDTH)
    left, right = x.clone().requires_grad_(), x.clone().requires_grad_()
    y, want = ours(left)[0], theirs(right)
    y.backward(seed)
    want.backward(seed)
    agree("falcon_mamba", "transformers", "forward", y, want)
    agree("falcon_mamba", "transformers", "gradient", left.grad, right.grad, rtol=1e-4, atol=1e-5)
    grads = {name: p.grad for name, p in ours.named_parameters()}
    agree("falcon_mamba", "transformers", "gradient", grads, named(theirs, lambda p: p.grad), rtol=1e-4, atol=1e-5)


def test_state(ours, theirs, agree):
    x, cache = torch.randn(2, 21, WIDTH), DynamicCache(config=CONFIG)
    with torch.no_grad():
        theirs(x[:, :20], cache_params=cache)
        want = theirs(x[:, 20:], cache_params=cache)
        y, state = ours(x)
    agree("falcon_mamba", "transformers", "forward", y[:, 20:], want)
    tail = cache.get_conv_state(0, state_idx=0)[..., 1 - KERNEL :].mT
    agree("falcon_mamba", "transformers", "state", state,
          State(State((), tail), cache.get_recurrent_state(0, state_idx=0)))
