"""Discretised state spaces against numbers that scipy gave: tests/peers/recorded/scipy_state_space.json says how."""
import json
import math
from pathlib import Path

import pytest
import torch

from reprise import create_layer
from reprise.core.marks import NO_MARKS
from reprise.layers.linear.state_space._hippo import laguerre, legendre

RECORDED = json.loads((Path(__file__).parents[1] / "recorded" / "scipy_state_space.json").read_text())
PEER = RECORDED["peer"]
TIGHT = {"rtol": 1e-9, "atol": 1e-11}


def numbers(values) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


@pytest.fixture
def u() -> torch.Tensor:
    t = torch.arange(12, dtype=torch.float64)
    return (torch.cos(0.7 * t) + t / 60)[None, :, None]


def memories(layer, u):
    every, _ = layer.recur(layer.project(u), layer.initial_memory(1), NO_MARKS)
    return every[0, :, 0]


def test_lssl(agree, u):
    given = RECORDED["lssl"]
    layer = create_layer("lssl", 1, states=given["states"], alpha=given["alpha"]).double()
    with torch.no_grad():
        layer.log_dt.fill_(math.log(given["dt"]))
        n = torch.arange(given["states"], dtype=torch.float64)
        layer.A.copy_(-torch.outer(2 * n + 1, 2 * n + 1).sqrt().tril(-1) - torch.diag(n + 1))  # not through float32
        layer.B.copy_((2 * n + 1).sqrt())
    agree("lssl", PEER, "state", memories(layer, u), numbers(given["x"]), **TIGHT)


@pytest.mark.parametrize("name", ["hippo_legt", "hippo_lagt"])
def test_windows(agree, u, name):
    given = RECORDED[name]
    layer = create_layer(name, 1, states=given["states"], theta=given["theta"]).double()
    agree(name, PEER, "state", memories(layer, u), numbers(given["x"]), **TIGHT)


@pytest.mark.parametrize("step", ["zoh", "bilinear"])
def test_s4d(agree, u, step):
    given = RECORDED["s4d"][step]
    layer = create_layer("s4d", 1, states=given["states"], step=step).double()
    with torch.no_grad():
        layer.log_dt.fill_(math.log(given["dt"]))
        layer.r.fill_(math.log(0.5))
        layer.w.copy_(math.pi * torch.arange(3, dtype=torch.float64))
        layer.C.copy_(numbers(given["C"]))
        layer.D.zero_()
    agree("s4d", PEER, "forward", layer(u)[0][0, :, 0], numbers(given["y"]), **TIGHT)


@pytest.mark.parametrize(("name", "basis"), [("legendre", legendre), ("laguerre", laguerre)])
def test_polynomials(agree, name, basis):
    given = RECORDED[name]
    layer = "hippo_legs" if name == "legendre" else "hippo_lagt"
    agree(layer, PEER, "forward", basis(numbers(given["points"]), 6), numbers(given["values"]), **TIGHT)
