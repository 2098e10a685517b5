"""MultiresConv against numbers recorded from its authors' layer, which ends before what mixes channels."""
import json
from pathlib import Path

import torch
from torch.nn.functional import gelu

from reprise.core.marks import NO_MARKS
from reprise.layers.convolution.multiresconv import MultiresConv

RECORDED = json.loads((Path(__file__).parents[1] / "recorded" / "multires_conv.json").read_text())


def numbers(shape, i, size=0.8):
    n = torch.arange(torch.Size(shape).numel(), dtype=torch.float64)
    return (size * torch.sin(1.3 * n + i)).view(shape)


def test_outputs_and_gradients(agree):
    h0, h1, w = (numbers(shape, i).requires_grad_() for i, shape in enumerate(RECORDED["shapes"].values(), 1))
    x = numbers((2, 3, 30), 0, size=1.2).requires_grad_()
    layer = MultiresConv(3, kernel_size=3, context=20).double()
    reading = torch.cat([w[:, 1:-1].flip(1), w[:, :1], w[:, -1:]], 1)  # theirs: what is left, the coarsest level ...
    own = {"low": h0[:, 0].flip(1).T, "high": h1[:, 0].flip(1).T, "reading": reading.T}
    read, _ = torch.func.functional_call(Reading(layer), {f"layer.{n}": p for n, p in own.items()}, x.mT)
    y = gelu(read).mT
    (y * numbers(y.shape, 0.7, size=0.6)).sum().backward()
    found = {"x": x.grad, "h0": h0.grad, "h1": h1.grad, "w": w.grad}
    recorded = torch.tensor(RECORDED["forward"], dtype=y.dtype).view(y.shape)
    agree("multiresconv", RECORDED["peer"], "forward", y, recorded)
    want = {n: torch.tensor(g, dtype=torch.float64).view(found[n].shape) for n, g in RECORDED["gradient"].items()}
    agree("multiresconv", RECORDED["peer"], "gradient", found, want)


class Reading(torch.nn.Module):
    """The layer's tree alone."""

    def __init__(self, layer: MultiresConv):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        return self.layer.recur(x, self.layer.initial_memory(len(x)), NO_MARKS)
