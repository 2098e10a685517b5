"""qLSTM and eLSTM against their authors' repositories: outputs, states and gradients, recorded as the files say."""
import json
from pathlib import Path

import torch
from torch import Tensor, nn

from reprise.bases.recurrent import State
from reprise.layers.linear.light.quasi_lstm import QuasiLSTM
from reprise.layers.nonlinear.gated.elementwise_lstm import ElementwiseLSTM

FOLDER = Path(__file__).parents[1] / "recorded"
B, T, D = 2, 12, 4


def wave(shape, phase: float) -> Tensor:
    """The formula of the recipe: 0.6 sin(1.3 n + phase)."""
    n = torch.arange(torch.Size(shape).numel(), dtype=torch.float64)
    return 0.6 * torch.sin(1.3 * n + phase).view(shape)


def quasi(theirs: dict[str, Tensor]) -> dict[str, Tensor]:
    """Parameters, or gradients in them, by the names of ours."""
    found = {f"into_cell.{kind}": torch.cat([theirs[f"linear_{gate}x.{kind}"] for gate in "FIZ"])
             for kind in ("weight", "bias")}
    names = {"output_gate": "linear_Ox", "out": "linear_post_head"}
    return found | {f"{ours}.{kind}": theirs[f"{name}.{kind}"] for ours, name in names.items()
                    for kind in ("weight", "bias")}


def elementwise(theirs: dict[str, Tensor]) -> dict[str, Tensor]:
    from_x, from_c = theirs["output_gate.weight"].split(D, 1)
    return {
        "from_x.weight": torch.cat([theirs["wm_z"], theirs["wm_f"]]),
        "from_x.bias": torch.cat([theirs["bias_z"][0], theirs["bias_f"][0]]),
        "z_from_c": theirs["wv_z"][0], "f_from_c": theirs["wv_f"][0],
        "output_from_x.weight": from_x, "output_from_x.bias": theirs["output_gate.bias"],
        "output_from_c.weight": from_c,
    }


def compare(name: str, layer: nn.Module, file: str, named, agree, **close: float) -> None:
    record = json.loads((FOLDER / file).read_text(encoding="utf-8"))
    peer, shapes, given = f"repository: {record['peer']}", record["shapes"], record["gradients"]
    layer = layer.double()
    layer.load_state_dict(named({n: wave(shapes[n], i) for i, n in enumerate(sorted(shapes))}))

    def recorded(numbers, shape):
        return torch.tensor(numbers, dtype=torch.float64).view(shape)

    N = layer.memory_shape[0]
    x = (2 * wave((B, T, D), 0.5)).requires_grad_()
    y, state = layer(x, State((), wave((B, N), 0.0)))
    y.backward(wave((B, T, D), 0.7))
    agree(name, peer, "forward", y, recorded(record["forward"], (B, T, D)), **close)
    agree(name, peer, "state", state.memory, recorded(record["state"], (B, N)), **close)
    agree(name, peer, "gradient", x.grad, recorded(record["gradient x"], (B, T, D)), **close)
    want = named({n: recorded(given[n], shapes[n]) for n in given})
    agree(name, peer, "gradient", {n: p.grad for n, p in layer.named_parameters()}, want, **close)


def test_quasi_lstm(agree):
    """Theirs adds 1e-8 to every forget gate and takes it off their products."""
    compare("quasi_lstm", QuasiLSTM(D, 6), "languini_quasi_lstm.json", quasi, agree, rtol=1e-5, atol=3e-7)


def test_elementwise_lstm(agree):
    compare("elementwise_lstm", ElementwiseLSTM(D), "rtrl_elstm.json", elementwise, agree, rtol=1e-7, atol=1e-8)
