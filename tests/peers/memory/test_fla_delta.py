"""Delta rules and LightNet against the plain loops of flash-linear-attention, recorded as their files say."""
import torch
from torch.nn.functional import normalize

from reprise.core.marks import NO_MARKS
from reprise.layers.memory._delta import correction
from reprise.layers.memory.deltanet_negative import DeltaNetNegative
from reprise.layers.memory.deltaproduct import DeltaProduct
from reprise.layers.memory.lightnet import LightNet

CLOSE = {"rtol": 1e-5, "atol": 1e-6}  # their loops run in float32


def compare(layer, theirs, read, state, agree):
    """`read` and `state` of ours, in the order of theirs."""
    inputs = list(theirs.given.values())
    grads = torch.autograd.grad((theirs.weights(*read.shape) * read).sum(), inputs)
    agree(layer, theirs.peer, "forward", read, theirs.result("forward", *read.shape), **CLOSE)
    agree(layer, theirs.peer, "state", state, theirs.result("state", *state.shape), **CLOSE)
    agree(layer, theirs.peer, "gradient", dict(zip(theirs.given, grads, strict=True)), theirs.gradient, **CLOSE)


def test_deltanet(recording, agree):
    theirs = recording("fla_delta_rule")
    q, k, v, beta, S = theirs.given.values()
    q, k, v, beta = (z.transpose(1, 2) for z in (q / 2, normalize(k, dim=-1), v, 2 * torch.sigmoid(beta)[..., None]))
    p = correction(q, k, v, beta, torch.zeros_like(beta))
    read, state = DeltaNetNegative(8, heads=2).recur(p, S, NO_MARKS)
    compare("deltanet_negative", theirs, read.transpose(1, 2), state, agree)


def test_deltaproduct(recording, agree):
    theirs = recording("fla_gated_delta_product")
    q, k, v, beta, S = theirs.given.values()
    beta = 2 * torch.sigmoid(beta)[..., None]
    p = correction(q.repeat_interleave(3, 1) / 2, normalize(k, dim=-1), v, beta, torch.zeros_like(beta))
    read, state = DeltaProduct(8, heads=2, householders=3).recur(p, S, NO_MARKS)
    compare("deltaproduct", theirs, read, state, agree)


def test_lightnet(recording, agree):
    theirs = recording("fla_lightnet")
    layer = LightNet(6, heads=2).double()
    read, memory = layer.recur(tuple(theirs.given.values()), layer.initial_memory(2), NO_MARKS)
    compare("lightnet", theirs, read, memory.S, agree)
