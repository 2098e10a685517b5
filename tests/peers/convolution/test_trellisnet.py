"""TrellisNet against numbers recorded from its authors' code, without weight normalisation and dropout."""
import json
from pathlib import Path

import torch

from reprise.layers.convolution.trellisnet import TrellisNet

RECORDED = json.loads((Path(__file__).parents[1] / "recorded" / "trellisnet.json").read_text())


def numbers(shape, i, size=0.8):
    n = torch.arange(torch.Size(shape).numel(), dtype=torch.float64)
    return (size * torch.sin(1.3 * n + i)).view(shape)


def ours(z):
    """Gates in the order f, i, o, g, where theirs are i, o, g, f."""
    i, o, g, f = z.chunk(4)
    return torch.cat([f, i, o, g])


def test_outputs_and_gradients(agree):
    shapes = RECORDED["shapes"]
    theirs = {n: numbers(shape, i).requires_grad_() for i, (n, shape) in enumerate(shapes.items(), 1)}
    x = numbers((2, 3, 20), 0, size=1.2).requires_grad_()
    own = {"from_x.weight": ours(theirs["weight1"].movedim(2, 1).flatten(1)), "from_x.bias": ours(theirs["bias2"]),
           "from_z.weight": ours(theirs["weight2"].movedim(2, 1).flatten(1))}
    layer = TrellisNet(3, hidden=5, depth=5, dilations=(1, 2)).double()
    y, _ = torch.func.functional_call(layer, own, x.mT)
    (y * numbers(y.shape, 0.7, size=0.6)).sum().backward()
    recorded = torch.tensor(RECORDED["forward"], dtype=y.dtype).view(y.shape)
    agree("trellisnet", RECORDED["peer"], "forward", y, recorded)
    found = {"x": x.grad} | {n: z.grad for n, z in theirs.items()}
    want = {n: torch.tensor(g, dtype=torch.float64).view(found[n].shape) for n, g in RECORDED["gradient"].items()}
    agree("trellisnet", RECORDED["peer"], "gradient", found, want)
