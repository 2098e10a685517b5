"""GLA and HGRN2 against the layers of flash-linear-attention, with their plain recurrence, recorded once."""
import json
import math
from pathlib import Path

import pytest
import torch

from reprise.layers.memory.gated.gla import GLA
from reprise.layers.memory.gated.hgrn2 import HGRN2

RECORDED = json.loads((Path(__file__).parents[1] / "recorded" / "fla_gated_layers.json").read_text(encoding="utf-8"))
PEER = f"repository: {RECORDED['peer']}"
B, T, D, H = 2, 12, 8, 2
NAMES = {
    "gla": {"query": "q_proj", "key": "k_proj", "value": "v_proj", "gate": "g_proj", "out": "o_proj", "norm": "g_norm",
            "decay.0": "gk_proj.0", "decay.1": "gk_proj.1"},
    "hgrn2": {"query": "q_proj", "forget": "f_proj", "value": "i_proj", "out": "o_proj", "norm": "g_norm"},
}


def wave(shape, phase: float) -> torch.Tensor:
    """The formula of the recipe: sin(1.3 n + phase)."""
    n = torch.arange(torch.Size(shape).numel(), dtype=torch.float64)
    return torch.sin(1.3 * n + phase).view(shape).float()


def named(layer: str, theirs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Parameters, or gradients in them, by the names of ours."""
    return {f"{ours}.{kind}": theirs[f"{name}.{kind}"] for ours, name in NAMES[layer].items()
            for kind in ("weight", "bias") if f"{name}.{kind}" in theirs}


def build(name: str) -> GLA | HGRN2:
    layer = GLA(D, H, rank=3) if name == "gla" else HGRN2(D, H)
    shapes = RECORDED[name]["shapes"]
    layer.load_state_dict(
        named(name, {n: wave(shapes[n], i) for i, n in enumerate(sorted(shapes))}), strict=name == "gla")
    if name == "hgrn2":  # their bound is an argument
        torch.nn.init.constant_(layer.bound, math.log(0.25 / 0.75))
    return layer


@pytest.mark.parametrize("name", NAMES)
def test_outputs_and_gradients(name, agree):
    ours, recorded = build(name), RECORDED[name]
    x = (1.2 * wave((B, T, D), 0.5)).requires_grad_()
    y, _ = ours(x)
    (y * wave(y.shape, 0.7)).sum().backward()
    agree(name, PEER, "forward", y, torch.tensor(recorded["forward"]).view(B, T, D), rtol=1e-4, atol=1e-5)
    agree(name, PEER, "gradient", x.grad, torch.tensor(recorded["gradient x"]).view(B, T, D), rtol=1e-3, atol=1e-4)
    want = {n: torch.tensor(g).view(recorded["shapes"][n]) for n, g in recorded["gradients"].items()}
    grads = {n: p.grad for n, p in ours.named_parameters() if n != "bound"}
    agree(name, PEER, "gradient", grads, named(name, want), rtol=1e-3, atol=1e-4)
