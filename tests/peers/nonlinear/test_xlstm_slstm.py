"""sLSTM against NX-AI's own layer (PyPI xlstm): outputs, states, gradients and starts, recorded as the file says."""
import json
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from reprise.layers.nonlinear.gated.slstm import SLSTM

RECORDED = json.loads((Path(__file__).parents[1] / "recorded" / "xlstm_slstm.json").read_text(encoding="utf-8"))
PEER, CLOSE = f"repository: {RECORDED['peer']}", {"rtol": 1e-6, "atol": 1e-8}
B, T, D, H = 2, 12, 8, 2


def wave(shape, phase: float) -> torch.Tensor:
    """The formula of the recipe: 0.6 sin(1.3 n + phase)."""
    n = torch.arange(torch.Size(shape).numel(), dtype=torch.float64)
    return 0.6 * torch.sin(1.3 * n + phase).view(shape)


def named(theirs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Parameters, or gradients in them, by the names of ours; what they call fgate gives the input gate, and back."""
    return {
        "local.weight": theirs["conv1d.conv.weight"][:, 0].flip(-1).T, "local.bias": theirs["conv1d.conv.bias"],
        "from_u": torch.stack([theirs["fgate.weight"], theirs["igate.weight"]]),
        "from_x": torch.stack([theirs["zgate.weight"], theirs["ogate.weight"]]),
        "from_h": theirs["slstm_cell._recurrent_kernel_"], "bias": theirs["slstm_cell._bias_"].view(4, D),
        "gain": theirs["group_norm.weight"],
    }


@pytest.fixture
def ours() -> SLSTM:
    shapes = RECORDED["shapes"]
    weights = {name: wave(shapes[name], i) for i, name in enumerate(sorted(shapes))}
    weights["group_norm.weight"] += 1  # theirs is added to one
    layer = SLSTM(D, H).double()
    layer.load_state_dict(named(weights))
    return layer


def recorded(name: str, *shape: int) -> torch.Tensor:
    return torch.tensor(RECORDED[name], dtype=torch.float64).view(shape)


def test_outputs_and_gradients(ours, agree):
    x = (2 * wave((B, T, D), 0.5)).requires_grad_()
    y, _ = ours(x)
    y.backward(wave((B, T, D), 0.7))
    agree("slstm", PEER, "forward", y, recorded("forward", B, T, D), **CLOSE)
    agree("slstm", PEER, "gradient", x.grad, recorded("gradient x", B, T, D), **CLOSE)
    shapes, given = RECORDED["shapes"], RECORDED["gradients"]
    want = named({n: torch.tensor(given[n], dtype=torch.float64).view(shapes[n]) for n in given})
    agree("slstm", PEER, "gradient", {n: p.grad for n, p in ours.named_parameters()}, want, **CLOSE)


def test_states(ours, agree):
    _, (local, memory) = ours(2 * wave((B, T, D), 0.5))
    want = [recorded("tail", B, 3, D), *(recorded(name, B, D) for name in "hcnm")]
    agree("slstm", PEER, "state", (local.memory, *memory), tuple(want), **CLOSE)


@pytest.mark.parametrize("place", RECORDED["forget biases"])
def test_forget_biases_start_alike(place):
    index, _, depth = place.split()
    layer = SLSTM(D, H)
    layer.placed(int(index), int(depth))
    assert_close(layer.bias[1], torch.tensor(RECORDED["forget biases"][place]))
