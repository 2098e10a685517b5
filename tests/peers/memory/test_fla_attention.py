"""Linear attentions against the plain functions of flash-linear-attention, recorded once: see the file's recipe."""
import json
from pathlib import Path

import pytest
import torch
from torch.nn.functional import logsigmoid

from reprise.core.marks import NO_MARKS
from reprise.layers.memory.gated.gla import GLA
from reprise.layers.memory.kernel._taylor import taylor
from reprise.layers.memory.kernel.based import Based
from reprise.layers.memory.kernel.linear_attention import LinearAttention, phi
from reprise.layers.memory.kernel.prefix_linear_attention import PrefixLinearAttention
from reprise.layers.memory.retnet import decays
from reprise.ops.linear_attention import Association, linear_attention

RECORDED = json.loads((Path(__file__).parents[1] / "recorded" / "fla_attention.json").read_text(encoding="utf-8"))
PEER = f"repository: {RECORDED['peer']}"
B, T, H, K, V = 1, 9, 2, 3, 4
SHAPES = {"q": (B, T, H, K), "k": (B, T, H, K), "v": (B, T, H, V), "gk": (B, T, H, K), "S": (B, H, K, V)}


def wave(shape: tuple[int, ...], phase: float) -> torch.Tensor:
    """The formula of the recipe: sin(1.3 n + phase), in the precision in which theirs computes."""
    n = torch.arange(torch.Size(shape).numel(), dtype=torch.float64)
    return torch.sin(1.3 * n + phase).view(shape).float()


def gla(q, k, v, gk, S):
    layer = GLA(H * V, H, K)
    return layer.recur(Association(q * K**-0.5, k, v, logsigmoid(gk) / layer.tau), S, NO_MARKS)


def linear(q, k, v):
    layer = LinearAttention(H * V, H)
    return layer.recur((phi(q), phi(k), v), torch.zeros(B, H, K, V + 1), NO_MARKS)


def retention(q, k, v):
    log_gamma = decays(H, q.device).float().expand(B, T, H, 1)
    return linear_attention(Association(q * K**-0.5, k, v, log_gamma), torch.zeros(B, H, K, V))


def by_taylor(cls):
    def based(q, k, v):
        layer = cls(H * V, H, features=K)
        return layer.recur((taylor(q), taylor(k), v), layer.initial_memory(B), NO_MARKS)

    return based


WAYS = [("gla", "gla", gla), ("linear_attention", "linear_attn", linear), ("retnet", "retention", retention),
        ("based", "based", by_taylor(Based)), ("prefix_linear_attention", "based", by_taylor(PrefixLinearAttention))]


@pytest.mark.parametrize(("layer", "theirs", "ours"), WAYS, ids=[layer for layer, _, _ in WAYS])
def test_reads_states_and_gradients(layer, theirs, ours, agree):
    recorded = RECORDED[theirs]
    given = {name: wave(shape, 0.1 * i).requires_grad_() for i, (name, shape) in enumerate(SHAPES.items(), 1)
             if name in recorded["gradient"]}
    o, end = ours(**given)
    agree(layer, PEER, "forward", o, torch.tensor(recorded["forward"]).view(B, T, H, V))
    grads = dict(zip(given, torch.autograd.grad((o * wave(o.shape, 0.7)).sum(), list(given.values())), strict=True))
    want = {name: torch.tensor(recorded["gradient"][name]).view(SHAPES[name]) for name in given}
    agree(layer, PEER, "gradient", grads, want, rtol=1e-4, atol=1e-5)
    if "state" in recorded:
        parts = [torch.tensor(z).view(B, H, K, -1) for z in recorded["state"]]
        agree(layer, PEER, "state", end, torch.cat(parts, -1))
