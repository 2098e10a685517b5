"""LSTMs with peepholes and the first GRU against ONNX's operators, by onnxruntime, recorded once as the file says."""
import json
from pathlib import Path

import pytest
import torch

from reprise.core.state import named_tensors, refill
from reprise.layers.registry import create_layer

RECORDED = json.loads((Path(__file__).parents[1] / "recorded" / "onnx_cells.json").read_text(encoding="utf-8"))
PEER, CLOSE = f"repository: {RECORDED['peer']}", {"rtol": 2e-6, "atol": 1e-6}  # theirs is float32
B, T, D = 2, 12, 4
X, W, R, BIAS, H, C, P = 0.5, 1, 2, 3, 4, 5, 6  # phases of the recipe


def wave(shape, phase: float) -> torch.Tensor:
    """The formula of the recipe: 0.6 sin(1.3 n + phase)."""
    n = torch.arange(torch.Size(shape).numel(), dtype=torch.float64)
    return 0.6 * torch.sin(1.3 * n + phase).view(shape)


def blocks(shape, phase: float, order: str, wanted: str) -> torch.Tensor:
    """The blocks that they have in this order, in the order wanted."""
    given = dict(zip(order, wave(shape, phase).chunk(len(order)), strict=True))
    return torch.cat([given[name] for name in wanted])


def lstm(name: str) -> dict[str, torch.Tensor]:
    ours = "igo" if name == "lstm_cifg" else "ifgo"
    return {
        "from_x.weight": blocks((4 * D, D), W, "iofg", ours), "from_h.weight": blocks((4 * D, D), R, "iofg", ours),
        "from_x.bias": blocks((4 * D,), BIAS, "iofg", ours),
        "peepholes": blocks((3 * D,), P, "iof", ours.replace("g", "")).view(-1, D),
    }


def gru() -> dict[str, torch.Tensor]:
    return {
        "from_x.weight": blocks((3 * D, D), W, "zrn", "rzn"), "from_x.bias": blocks((3 * D,), BIAS, "zrn", "rzn"),
        "gates_from_h.weight": blocks((3 * D, D), R, "zrn", "rz"),
        "candidate_from_h.weight": blocks((3 * D, D), R, "zrn", "n"),
    }


@pytest.mark.parametrize("name", ["lstm_peephole", "lstm_niaf", "lstm_noaf", "lstm_cifg", "gru_cho"])
def test_outputs_and_states(name, agree):
    layer = create_layer(name, D).double()
    layer.load_state_dict(gru() if name == "gru_cho" else lstm(name))
    start = [wave((B, D), phase) for phase in (H, C)]
    state = layer.initial_state(B)
    y, end = layer(2 * wave((T, B, D), X).transpose(0, 1), refill(state, start[: len(list(named_tensors(state)))]))
    want = RECORDED[name]
    agree(name, PEER, "forward", y, torch.tensor(want["forward"], dtype=torch.float64).view(B, T, D), **CLOSE)
    agree(name, PEER, "state", end, [torch.tensor(z, dtype=torch.float64).view(B, D) for z in want["state"]], **CLOSE)
