"""QRNN, SRU and the block-diagonal recurrence against the code of their authors, recorded as the files say."""
import torch

from reprise.layers.linear.light.qrnn import QRNN
from reprise.layers.linear.transitions.block_diagonal import BlockDiagonal
from reprise.layers.nonlinear.gated.sru import SRU

CLOSE = {"rtol": 1e-7, "atol": 1e-8}


def run(name, layer, named, theirs, agree):
    """The layer with the parameters of the recording; `named` gives them by our names, and so gradients too.

    Theirs is time before rows, where it has a memory `c`.
    """
    layer = layer.double()
    layer.load_state_dict({n: z.detach() for n, z in named(theirs.given).items()})
    given, ours = theirs.given, dict(layer.named_parameters())
    timely, state = "c" in given, layer.initial_state(2)
    if timely:
        state = state._replace(memory=given["c"])
    y, end = layer(given["x"].transpose(0, 1) if timely else given["x"], state)
    y = y.transpose(0, 1) if timely else y
    outer = {n: given[n] for n in ("x", "c") if n in given}
    found = torch.autograd.grad((theirs.weights(*y.shape) * y).sum(), [*ours.values(), *outer.values()])
    want = {**named(theirs.gradient), **{n: theirs.gradient[n] for n in outer}}
    agree(name, theirs.peer, "forward", y, theirs.result("forward", *y.shape), **CLOSE)
    agree(name, theirs.peer, "gradient", dict(zip([*ours, *outer], found, strict=True)), want, **CLOSE)
    if timely:
        agree(name, theirs.peer, "state", end.memory, theirs.result("state", 2, 4), **CLOSE)


def of_qrnn(theirs):
    """What theirs lets in by f, ours keeps by f."""
    found = {}
    for kind in ("weight", "bias"):
        z, f, o = theirs[f"linear.{kind}"].chunk(3)
        found |= {f"pooled.{kind}": torch.cat([z, -f]), f"output_gate.{kind}": o}
    return found


def of_sru(theirs):
    weight = theirs["weight"].view(4, 4, 3).permute(2, 1, 0).flatten(0, 1)  # in, out, which
    return {"look": theirs["weight_c"].view(2, 4), "bias": theirs["bias"].view(2, 4), "inward.weight": weight}


def of_blocks(theirs):
    renamed = {n.replace("gen_block", "transition").replace("gen_value", "value"): z for n, z in theirs.items()}
    return {n: z for n, z in renamed.items() if "." in n} | {"start": theirs["a0"][0]}


def test_qrnn(recording, agree):
    run("qrnn", QRNN(4), of_qrnn, recording("qrnn"), agree)


def test_sru(recording, agree):
    run("sru", SRU(4, highway_bias=-1.0), of_sru, recording("sru"), agree)


def test_block_diagonal(recording, agree):
    run("block_diagonal", BlockDiagonal(4, block=2), of_blocks, recording("block_model"), agree)
