"""Agreement with other people's code: asserted in every run, and kept as a table when `--peers FILE` asks for it."""
import csv
import json
from importlib.metadata import version
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from reprise.core.state import named_tensors

KINDS = ("forward", "state", "gradient")
WORST: dict[tuple[str, str], dict[str, float]] = {}  # (layer, peer) -> kind -> the largest difference met


def pytest_sessionfinish(session):
    path = session.config.getoption("--peers")
    if path is None:
        return
    with Path(path).open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["layer", "peer", *KINDS])
        for (layer, peer), worst in sorted(WORST.items()):
            table.writerow([layer, peer, *(f"{worst[kind]:.1e}" if kind in worst else "" for kind in KINDS)])


@pytest.fixture
def agree():
    """`agree(layer, peer, kind, got, want, rtol=, atol=)`: trees of tensors are equal within this.

    layer: our name of it; peer: a package on PyPI ("transformers"), or "paper: ..." or "repository: ..." for recorded
    numbers; kind: forward, state or gradient. The table takes the largest difference, relative to the largest number
    of its tensor.
    """
    def check(layer: str, peer: str, kind: str, got, want, *, rtol: float = 1e-5, atol: float = 1e-6) -> None:
        assert kind in KINDS, f"{kind} is none of {KINDS}"
        got, want = tensors(got), tensors(want)
        assert len(got) == len(want), f"{len(got)} tensors of ours stand against {len(want)}"
        for one, other in zip(got, want, strict=True):
            one, other = one.detach(), other.detach().to(one.dtype)
            assert_close(one, other, rtol=rtol, atol=atol)
            if one.numel():
                note(layer, peer, kind, float((one - other).abs().max() / other.abs().max().clamp_min(1e-30)))

    return check


class Recording:
    """What another program gave once (`recorded/NAME.json`, and how): its inputs, which a formula makes, and results.

    `given` holds the inputs by name; the loss is the sum of `weights` times the outputs.
    """

    def __init__(self, name: str):
        text = (Path(__file__).parent / "recorded" / f"{name}.json").read_text(encoding="utf-8")
        self.data = json.loads(text)
        self.peer, inputs = self.data["peer"], self.data["inputs"].items()
        self.given = {n: (z["size"] * wave(z["shape"], i)).requires_grad_() for i, (n, z) in enumerate(inputs)}

    def result(self, name: str, *shape: int) -> Tensor:
        return torch.tensor(self.data[name], dtype=torch.float64).view(shape)

    def weights(self, *shape: int) -> Tensor:
        return 0.6 * wave(shape, 0.7)

    @property
    def gradient(self) -> dict[str, Tensor]:
        grads = self.data["gradient"].items()
        return {n: torch.tensor(g, dtype=torch.float64).view(self.given[n].shape) for n, g in grads}


@pytest.fixture
def recording():
    """`recording(name)`: a `Recording`."""
    return Recording


def wave(shape: tuple[int, ...] | list[int], phase: float) -> Tensor:
    n = torch.arange(torch.Size(shape).numel(), dtype=torch.float64)
    return torch.sin(1.3 * n + phase).view(shape)


def note(layer: str, peer: str, kind: str, difference: float) -> None:
    peer = peer if ":" in peer else f"{peer} {version(peer).partition('+')[0]}"
    worst = WORST.setdefault((layer, peer), {})
    worst[kind] = max(worst.get(kind, 0.0), difference)


def tensors(tree) -> list[Tensor]:
    if isinstance(tree, dict):
        return [tensor for name in sorted(tree) for tensor in tensors(tree[name])]
    return [tensor for _, tensor in named_tensors(tree)]
