"""The gated delta rule and its layer against those of transformers (Qwen3-Next), another people's code."""
import pytest
import torch
from torch.nn.functional import logsigmoid, normalize
from transformers import Qwen3NextConfig
from transformers.models.qwen3_next.modeling_qwen3_next import (
    Qwen3NextGatedDeltaNet,
    torch_chunk_gated_delta_rule,
    torch_recurrent_gated_delta_rule,
)

from reprise.core.marks import NO_MARKS, Marks
from reprise.layers.memory.gated_deltanet import GatedDeltaNet
from reprise.ops.delta_rule import Correction, delta_rule

RULES = [torch_recurrent_gated_delta_rule, torch_chunk_gated_delta_rule]
B, H, K, V = 2, 3, 8, 5


def given(T: int) -> dict[str, torch.Tensor]:
    """What transformers is given, in float32, the precision it computes in."""
    made = {"query": torch.randn(B, T, H, K), "key": normalize(torch.randn(B, T, H, K), dim=-1),
            "value": torch.randn(B, T, H, V), "g": logsigmoid(torch.randn(B, T, H) + 2),
            "beta": torch.sigmoid(torch.randn(B, T, H)), "initial_state": torch.randn(B, H, K, V)}
    return {name: z.requires_grad_() for name, z in made.items()}


def ours(query, key, value, g, beta, initial_state, *, marks=NO_MARKS, backend="auto"):
    g, beta = g[..., None], beta[..., None]
    p = Correction(query * K**-0.5, beta * key, value, g, -g.exp() * beta * key, key)
    return delta_rule(p, initial_state, marks, backend=backend)


def gradients(result, into) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    loss = sum((z * torch.randn(z.shape, generator=generator)).sum() for z in result)
    return torch.autograd.grad(loss, list(into.values()))


@pytest.mark.parametrize("T", [1, 63, 64, 150])
@pytest.mark.parametrize("theirs", RULES, ids=lambda f: f.__name__)
@pytest.mark.parametrize("backend", ["reference", "parallel"])
def test_rule_agrees(backend, theirs, T, agree):
    x = given(T)
    want = theirs(**x, output_final_state=True)
    got = ours(**x, backend=backend)
    close = {"rtol": 1e-4, "atol": 1e-5}
    agree("gated_deltanet", "transformers", "forward", got[0], want[0], **close)
    agree("gated_deltanet", "transformers", "state", got[1], want[1], **close)
    agree("gated_deltanet", "transformers", "gradient", gradients(got, x), gradients(want, x), rtol=1e-3, atol=1e-4)


def test_rule_agrees_on_each_sequence_of_a_packed_row():
    x = given(20)
    cuts = [0, 7, 20]
    fresh = torch.zeros(B, 20, dtype=torch.bool)
    fresh[:, 7] = True
    got, end = ours(**x, marks=Marks(fresh=fresh))
    start = x.pop("initial_state")
    for begin, stop, state in zip(cuts[:-1], cuts[1:], [start, None], strict=True):
        piece = {name: z[:, begin:stop] for name, z in x.items()}
        want, last = torch_recurrent_gated_delta_rule(**piece, initial_state=state, output_final_state=True)
        torch.testing.assert_close(got[:, begin:stop], want, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(end, last, rtol=1e-4, atol=1e-5)


def qwen(expand: int) -> Qwen3NextGatedDeltaNet:
    config = Qwen3NextConfig(
        hidden_size=16, num_hidden_layers=1, layer_types=["linear_attention"], rms_norm_eps=1e-5,
        linear_conv_kernel_dim=4, linear_num_key_heads=2, linear_num_value_heads=2,
        linear_key_head_dim=8, linear_value_head_dim=8 * expand)
    return Qwen3NextGatedDeltaNet(config, 0)


def with_weights_of(theirs: Qwen3NextGatedDeltaNet, expand: int) -> GatedDeltaNet:
    """Our layer with the same parameters; theirs has q, k, v and z of a head side by side, ours all heads of one."""
    layer = GatedDeltaNet(16, heads=2, expand=expand)
    by_head = theirs.in_proj_qkvz.weight.unflatten(0, (2, -1)).split([8, 8, 8 * expand, 8 * expand], 1)
    q, k, v, z = (w.flatten(0, 1) for w in by_head)
    strength, rate = (w.flatten(0, 1) for w in theirs.in_proj_ba.weight.unflatten(0, (2, -1)).chunk(2, 1))
    same = {"local.from_x.weight": torch.cat([q, k, v]), "local.weight": theirs.conv1d.weight[:, 0].flip(1).T,
            "rate.weight": rate, "strength.weight": strength, "log_A": theirs.A_log, "dt": theirs.dt_bias,
            "norm.weight": theirs.norm.weight, "gate.weight": z, "out.weight": theirs.out_proj.weight}
    layer.load_state_dict(same)
    return layer


@pytest.mark.parametrize("expand", [1, 2])
def test_layer_agrees(expand, agree):
    theirs = qwen(expand)
    torch.nn.init.uniform_(theirs.norm.weight, 0.5, 2)
    x = torch.randn(2, 70, 16)
    with torch.no_grad():
        agree("gated_deltanet", "transformers", "forward", with_weights_of(theirs, expand)(x)[0], theirs(x), rtol=1e-4,
              atol=1e-5)
