"""Mamba against transformers' MambaMixer with the same weights: outputs, gradients, and one step at a time."""
import pytest
import torch
from torch.testing import assert_close
from transformers.models.mamba.configuration_mamba import MambaConfig
from transformers.models.mamba.modeling_mamba import MambaMixer

from reprise.layers.linear.mamba import Mamba

WIDTH, HIDDEN, STATES, RANK = 6, 10, 4, 3


@pytest.fixture
def theirs() -> MambaMixer:
    config = MambaConfig(
        hidden_size=WIDTH, intermediate_size=HIDDEN, state_size=STATES, time_step_rank=RANK, num_hidden_layers=1)
    mixer = MambaMixer(config, 0)
    with torch.no_grad():
        mixer.A_log += 0.1 * torch.randn_like(mixer.A_log)
        mixer.D += torch.randn_like(mixer.D)
        mixer.dt_proj.bias += 1.0  # further from its start than training goes, so that memory matters
    return mixer


def named(mixer: MambaMixer, read) -> dict[str, torch.Tensor]:
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
def ours(theirs) -> Mamba:
    layer = Mamba(WIDTH, HIDDEN, STATES, RANK)
    layer.load_state_dict(named(theirs, torch.detach))
    return layer


def test_outputs_and_gradients(ours, theirs, agree):
    x, seed = torch.randn(2, 37, WIDTH), torch.randn(2, 37, WIDTH)
    left, right = x.clone().requires_grad_(), x.clone().requires_grad_()
    y, want = ours(left)[0], theirs(right)
    y.backward(seed)
    want.backward(seed)
    agree("mamba", "transformers", "forward", y, want)
    agree("mamba", "transformers", "gradient", left.grad, right.grad)
    grads = {name: p.grad for name, p in ours.named_parameters()}
    agree("mamba", "transformers", "gradient", grads, named(theirs, lambda p: p.grad), rtol=1e-4, atol=1e-5)


def test_one_step_at_a_time(ours, theirs, agree):
    x, state = torch.randn(2, 9, WIDTH), ours.initial_state(2)
    want = theirs(x)
    for t in range(9):
        y, state = ours.step(x[:, t], state)
        agree("mamba", "transformers", "forward", y, want[:, t])


def test_same_start():
    """Scales at the start agree with theirs, tensor by tensor."""
    config = MambaConfig(hidden_size=64, num_hidden_layers=1)
    ours, theirs = Mamba(64), named(MambaMixer(config, 0), torch.detach)
    assert_close(ours.log_A.detach(), theirs["log_A"])
    assert_close(ours.D.detach(), theirs["D"])
    for name, p in ours.named_parameters():
        assert p.shape == theirs[name].shape
        assert_close(p.std(), theirs[name].std(), rtol=0.15, atol=1e-3, msg=f"{name}: {{}}".format)
