"""Mamba-2 against transformers' Mamba2Mixer with the same weights: outputs, both parts of the state, gradients."""
import pytest
import torch
from transformers import Mamba2Config
from transformers.cache_utils import DynamicCache
from transformers.models.mamba2.modeling_mamba2 import Mamba2Mixer

from reprise.bases.recurrent import State
from reprise.layers.memory.gated.mamba2 import Mamba2

WIDTH, HEADS, STATES, KERNEL = 6, 4, 5, 3
VARIETIES = [(1, (0.0, float("inf"))), (2, (0.02, 0.3))]  # groups, limits of the step size


def config(groups: int, limits: tuple[float, float]) -> Mamba2Config:
    return Mamba2Config(
        hidden_size=WIDTH, num_heads=HEADS, head_dim=3, state_size=STATES, n_groups=groups, conv_kernel=KERNEL,
        time_step_limit=limits, layer_norm_epsilon=1e-3, num_hidden_layers=1, chunk_size=8)


def named(mixer: Mamba2Mixer, read) -> dict[str, torch.Tensor]:
    """What `read` says of their parameters, by the names of ours."""
    gate, into, rate = read(mixer.in_proj.weight).split([mixer.intermediate_size, mixer.conv_dim, HEADS])
    return {
        "log_A": read(mixer.A_log), "D": read(mixer.D), "dt": read(mixer.dt_bias),
        "norm_scale": read(mixer.norm.weight),
        "local.weight": read(mixer.conv1d.weight)[:, 0].flip(-1).T, "local.bias": read(mixer.conv1d.bias),
        "local.from_x.weight": into, "gate.weight": gate, "rate.weight": rate,
        "out.weight": read(mixer.out_proj.weight),
    }


@pytest.fixture(params=VARIETIES, ids=["one group", "two groups, limits"])
def pair(request) -> tuple[Mamba2, Mamba2Mixer]:
    groups, limits = request.param
    theirs = Mamba2Mixer(config(groups, limits), 0)
    with torch.no_grad():
        for p in (theirs.A_log, theirs.D, theirs.norm.weight, theirs.conv1d.bias):
            p += 0.3 * torch.randn_like(p)
        theirs.dt_bias += 2.0  # further from its start than training goes, so that memory matters
    ours = Mamba2(WIDTH, heads=HEADS, states=STATES, groups=groups, kernel_size=KERNEL, dt_limit=limits, eps=1e-3)
    ours.load_state_dict(named(theirs, torch.detach))
    return ours, theirs


def test_outputs_and_gradients(pair, agree):
    ours, theirs = pair
    x, seed = torch.randn(2, 37, WIDTH), torch.randn(2, 37, WIDTH)
    left, right = x.clone().requires_grad_(), x.clone().requires_grad_()
    y, want = ours(left)[0], theirs(right)
    y.backward(seed)
    want.backward(seed)
    agree("mamba2", "transformers", "forward", y, want)
    grads = {name: p.grad for name, p in ours.named_parameters()}
    agree("mamba2", "transformers", "gradient", left.grad, right.grad, rtol=1e-4, atol=1e-5)
    agree("mamba2", "transformers", "gradient", grads, named(theirs, lambda p: p.grad), rtol=1e-4, atol=1e-5)


def test_states_and_what_follows_from_them(pair, agree):
    ours, theirs = pair
    x, cache = torch.randn(2, 21, WIDTH), DynamicCache(config=theirs_config(theirs))
    state = None
    with torch.no_grad():
        for piece in x.split([13, 6, 2], 1):  # never one: their single step forgets the limits
            want = theirs(piece, cache_params=cache)
            y, state = ours(piece, state)
            agree("mamba2", "transformers", "forward", y, want)
            agree("mamba2", "transformers", "state", state, by_our_names(cache))


def theirs_config(mixer: Mamba2Mixer) -> Mamba2Config:
    return config(mixer.n_groups, mixer.time_step_limit)


def by_our_names(cache: DynamicCache) -> State:
    """Values first in their memory; as many inputs in their tail as the convolution has taps, the oldest not needed."""
    tail = cache.get_conv_state(0, state_idx=0)[..., 1 - KERNEL :].mT
    return State(State((), tail), cache.get_recurrent_state(0, state_idx=0).mT)
