"""RWKV-5, 6 and 7 against the authors' package `rwkv`, as recorded: whole models of two layers, with what they carry.

For it a generation is time mixing and channel mixing in turn, each behind a LayerNorm; so each is put together here.
"""
import json
from pathlib import Path

import pytest
import torch
from torch.nn.functional import layer_norm

from reprise.core.marks import NO_MARKS
from reprise.layers.memory.rwkv.rwkv4_channel import RWKV4Channel
from reprise.layers.memory.rwkv.rwkv5 import RWKV5
from reprise.layers.memory.rwkv.rwkv6 import RWKV6
from reprise.layers.memory.rwkv.rwkv7 import RWKV7
from reprise.layers.memory.rwkv.rwkv7_channel import RWKV7Channel

RECORDED = json.loads((Path(__file__).parent / "recorded" / "rwkv.json").read_text())
PEER = "repository: BlinkDL/ChatRWKV, rwkv 0.8.32"
WIDTH, HEADS, HIDDEN, RANK, DEPTH = 8, 2, 12, 3, 2
MATRICES = {"receptance.weight": "receptance.weight", "key.weight": "key.weight", "value.weight": "value.weight"}
TIME = MATRICES | {"out.weight": "output.weight", "norm_scale": "ln_x.weight", "norm_shift": "ln_x.bias"}
NAMES = {  # ours -> theirs; several of theirs are rows of one of ours; T turns a matrix over
    "rwkv5": TIME | {"gate.weight": "gate.weight", "decay": "time_decay", "bonus": "time_faaaa",
                     "mu": [f"time_mix_{z}" for z in "rkvg"]},
    "rwkv6": TIME | {"gate.weight": "gate.weight", "decay_up.bias": "time_decay", "bonus": "time_faaaa",
                     "mu": [f"time_maa_{z}" for z in "xwkvrg"], "mix_down.weight": "time_maa_w1 T",
                     "mix_up": "time_maa_w2", "decay_down.weight": "time_decay_w1 T",
                     "decay_up.weight": "time_decay_w2 T"},
    "rwkv7": TIME | {"mu": [f"x_{z}" for z in "rwkvag"], "xi": "k_k", "alpha": "k_a", "rho": "r_k"} | {
        f"{ours}.{place}": theirs for ours, z in (("decay", "w"), ("rate", "a"), ("gate", "g"), ("share", "v"))
        for place, theirs in (("0.weight", f"{z}1 T"), ("2.weight", f"{z}2 T"), ("2.bias", f"{z}0"))},
    "rwkv5 channel": MATRICES | {"mu": ["time_mix_r", "time_mix_k"]},
    "rwkv6 channel": MATRICES | {"mu": ["time_maa_r", "time_maa_k"]},
    "rwkv7 channel": MATRICES | {"mu": "x_k"},
}


def checkpoint(name: str) -> dict[str, torch.Tensor]:
    shapes = {n: torch.Size(shape) for n, shape in RECORDED["models"][name]["shapes"].items()}
    return {n: 0.5 * torch.sin(1.3 * torch.arange(shapes[n].numel()) + i).view(shapes[n])
            for i, n in enumerate(sorted(shapes))}


def fill(layer, weights: dict[str, torch.Tensor], prefix: str, names: dict):
    def theirs(name):
        z = weights[prefix + name.removesuffix(" T")]
        return z.T if name.endswith(" T") else z

    for name, p in layer.named_parameters():
        other = names[name]
        z = torch.stack([theirs(n) for n in other]) if isinstance(other, list) else theirs(other)
        p.data.copy_(z.reshape(p.shape))


def model(name: str, weights: dict[str, torch.Tensor]) -> list:
    cls, ranks = {"rwkv5": (RWKV5, 0), "rwkv6": (RWKV6, 2), "rwkv7": (RWKV7, 3)}[name]
    channel = RWKV7Channel if name == "rwkv7" else RWKV4Channel
    layers = []
    for i in range(DEPTH):
        mixing, mixer = cls(WIDTH, HEADS, *[RANK] * ranks), channel(WIDTH, HIDDEN)
        mixing.placed(i, DEPTH)
        fill(mixing, weights, f"blocks.{i}.att.", NAMES[name])
        fill(mixer, weights, f"blocks.{i}.ffn.", NAMES[f"{name} channel"])
        if name == "rwkv6":
            mixer.mu.data = 1 - mixer.mu.data
        layers += [mixing, mixer]
    return layers


def norm(x, weights, name):
    return layer_norm(x, x.shape[-1:], weights[f"{name}.weight"], weights[f"{name}.bias"])


@torch.no_grad()
def run(layers: list, weights: dict[str, torch.Tensor], tokens: list[int], states: list):
    x, beside, after = norm(weights["emb.weight"][tokens][None], weights, "blocks.0.ln0"), {}, []
    for i, layer in enumerate(layers):
        inner = norm(x, weights, f"blocks.{i // 2}.ln{1 + i % 2}")
        y, state, beside = layer.run_beside(inner, states[i], NO_MARKS, beside)
        x, after = x + y, [*after, state]
    return norm(x, weights, "ln_out") @ weights["head.weight"].T, after


@pytest.mark.parametrize("name", ["rwkv5", "rwkv6", "rwkv7"])
@pytest.mark.parametrize("cut", [0, 6])
def test_logits_and_state(name, cut, agree):
    weights, tokens = checkpoint(name), RECORDED["tokens"]
    layers = model(name, weights)
    first, states = run(layers, weights, tokens[:cut], [layer.initial_state(1) for layer in layers])
    rest, states = run(layers, weights, tokens[cut:], states)
    logits = torch.tensor(RECORDED["models"][name]["logits"])
    want = [torch.tensor(z) for z in RECORDED["models"][name]["state"]]
    for i in range(DEPTH):
        mixing, shift = states[2 * i], states[2 * i + 1]
        S = mixing.memory[0].mT if name == "rwkv7" else mixing.memory[0]  # theirs has rows of values in rwkv7
        agree(name, PEER, "state", [mixing.local.memory[0, 0], S, shift.memory[0, 0]], want[3 * i : 3 * i + 3])
    for layer in (name, "rwkv7_channel" if name == "rwkv7" else "rwkv4_channel"):
        agree(layer, PEER, "forward", torch.cat([first, rest], 1)[0], logits)
