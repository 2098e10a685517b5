"""mLSTM against NX-AI's own layer (PyPI xlstm): outputs, states and gradients, recorded once as the file says."""
import json
from pathlib import Path

import pytest
import torch

from reprise.layers.memory.gated.mlstm import MLSTM

RECORDED = json.loads((Path(__file__).parents[1] / "recorded" / "xlstm_mlstm.json").read_text(encoding="utf-8"))
PEER, CLOSE = f"repository: {RECORDED['peer']}", {"rtol": 1e-5, "atol": 1e-6}
B, T, D, E, H = 2, 40, 4, 8, 2
THEIRS = {
    "query": "q_proj.weight", "key": "k_proj.weight", "value": "v_proj.weight",
    "enter.weight": "mlstm_cell.igate.weight", "enter.bias": "mlstm_cell.igate.bias",
    "forget.weight": "mlstm_cell.fgate.weight", "forget.bias": "mlstm_cell.fgate.bias",
    "norm_scale": "mlstm_cell.outnorm.weight", "skip": "learnable_skip", "out.weight": "proj_down.weight",
    "local.convolution.bias": "conv1d.conv.bias",
}


def wave(shape, phase: float) -> torch.Tensor:
    """The formula of the recipe: 0.6 sin(1.3 n + phase)."""
    n = torch.arange(torch.Size(shape).numel(), dtype=torch.float64)
    return 0.6 * torch.sin(1.3 * n + phase).view(shape)


def named(theirs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Parameters, or gradients in them, by the names of ours."""
    enter, gate = theirs["proj_up.weight"].chunk(2)
    taps = theirs["conv1d.conv.weight"][:, 0].flip(-1).T
    return {"local.convolution.from_x.weight": enter, "gate.weight": gate, "local.convolution.weight": taps,
            **{ours: theirs[name] for ours, name in THEIRS.items()}}


@pytest.fixture
def ours() -> MLSTM:
    shapes = RECORDED["shapes"]
    weights = {name: wave(shapes[name], i) for i, name in enumerate(sorted(shapes))}
    weights["mlstm_cell.fgate.bias"] += 2
    weights["mlstm_cell.outnorm.weight"] += 1  # theirs is added to one
    layer = MLSTM(D, heads=H).double()
    layer.load_state_dict(named(weights))
    return layer


def recorded(name: str, *shape: int) -> torch.Tensor:
    return torch.tensor(RECORDED[name], dtype=torch.float64).view(shape)


def test_outputs_and_gradients(ours, agree):
    x = (2 * wave((B, T, D), 0.5)).requires_grad_()
    y, _ = ours(x)
    y.backward(wave((B, T, D), 0.7))
    agree("mlstm", PEER, "forward", y, recorded("forward", B, T, D), **CLOSE)
    agree("mlstm", PEER, "gradient", x.grad, recorded("gradient x", B, T, D), **CLOSE)
    shapes, given = RECORDED["shapes"], RECORDED["gradients"]
    want = named({n: torch.tensor(given[n], dtype=torch.float64).view(shapes[n]) for n in given})
    agree("mlstm", PEER, "gradient", {n: p.grad for n, p in ours.named_parameters()}, want, rtol=1e-4, atol=1e-5)


def test_states(ours, agree):
    """Theirs are sums over exp(m), of weights up to exp(m); ours means, and sums over the largest weight."""
    _, (local, (S, keys)) = ours(2 * wave((B, T, D), 0.5))
    K = E // H
    m = recorded("m", B, H, 1).exp()
    agree("mlstm", PEER, "state", local.memory, recorded("tail", B, 3, E), **CLOSE)
    weight = keys.maximum.exp()
    agree("mlstm", PEER, "state", keys.numerator * weight, recorded("n", B, H, K) * m, **CLOSE)
    agree("mlstm", PEER, "state", S * (keys.denominator * weight)[..., None],
          recorded("C", B, H, K, K) * m[..., None], **CLOSE)
