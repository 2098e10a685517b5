"""LTC and CfC against ncps with the same weights: outputs, states, gradients, other times between steps."""
import pytest
import torch
from ncps.torch import LTC as TheirLTC, CfC as TheirCfC
from ncps.wirings import FullyConnected

from reprise.layers.nonlinear.continuous.cfc import CfC
from reprise.layers.nonlinear.continuous.ltc import LTC

WIDTH, B, T = 5, 2, 23


def cfc_named(theirs, read) -> dict[str, torch.Tensor]:
    """What `read` says of their parameters, by the names of ours."""
    cell = theirs.rnn_cell
    first, *deeper = [layer for layer in cell.backbone if hasattr(layer, "weight")]
    heads = cell.ff1, cell.ff2, cell.time_a, cell.time_b
    from_x, from_h = read(first.weight).split([WIDTH, WIDTH], 1)
    named = {"from_x.weight": from_x, "from_x.bias": read(first.bias), "from_h.weight": from_h,
             "heads.weight": torch.cat([read(head.weight) for head in heads]),
             "heads.bias": torch.cat([read(head.bias) for head in heads])}
    for i, layer in enumerate(deeper):
        named |= {f"deeper.{i}.weight": read(layer.weight), f"deeper.{i}.bias": read(layer.bias)}
    return named


def ltc_named(theirs, read) -> dict[str, torch.Tensor]:
    p = theirs.rnn_cell._params
    names = {"scale": "input_w", "shift": "input_b", "leak": "gleak", "resting": "vleak", "capacitance": "cm",
             "out.bias": "output_b"}
    for ours, prefix in (("inner", ""), ("sensory", "sensory_")):
        names |= {f"{ours}.w": f"{prefix}w", f"{ours}.slope": f"{prefix}sigma", f"{ours}.middle": f"{prefix}mu",
                  f"{ours}.reversal": f"{prefix}erev"}
    return {ours: read(p[name]) for ours, name in names.items()} | {"out.weight": torch.diag(read(p["output_w"]))}


def by_steps(cell, x, elapsed):
    """Their own loop takes no time between steps for more than one row: it is (B), and meets (B N) from the right."""
    ys, h = [], torch.zeros(len(x), WIDTH)
    for x_t in x.unbind(1):
        y, h = cell(x_t, h, elapsed)
        ys.append(y)
    return torch.stack(ys, 1), h


def compare(name, pair, named, elapsed, agree):
    ours, theirs = pair
    ours.load_state_dict(named(theirs, torch.detach))
    x, seed = torch.randn(B, T, WIDTH), torch.randn(B, T, WIDTH)
    left, right = x.clone().requires_grad_(), x.clone().requires_grad_()
    y, state = ours(left)
    want, last = by_steps(theirs.rnn_cell, right, elapsed)
    agree(name, "ncps", "forward", y, want)
    agree(name, "ncps", "state", state.memory, last)
    y.backward(seed)
    want.backward(seed)
    agree(name, "ncps", "gradient", left.grad, right.grad, rtol=1e-4, atol=1e-5)
    grads = {n: p.grad for n, p in ours.named_parameters()}
    if "out.weight" in grads:
        grads["out.weight"] = torch.diag(grads["out.weight"].diagonal())  # theirs is elementwise
    agree(name, "ncps", "gradient", grads, named(theirs, lambda p: p.grad), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("elapsed", [1.0, 0.3])
@pytest.mark.parametrize("layers", [1, 2])
def test_cfc(layers, elapsed, agree):
    theirs = TheirCfC(WIDTH, WIDTH, backbone_units=9, backbone_layers=layers)
    compare("cfc", (CfC(WIDTH, 9, layers, elapsed), theirs), cfc_named, elapsed, agree)


@pytest.mark.parametrize("elapsed", [1.0, 0.3])
def test_ltc(elapsed, agree):
    theirs = TheirLTC(WIDTH, FullyConnected(WIDTH, WIDTH), epsilon=0.0)
    with torch.no_grad():
        for name in ("input_w", "input_b", "output_w", "output_b"):
            theirs.rnn_cell._params[name].add_(0.3 * torch.randn(WIDTH))
    compare("ltc", (LTC(WIDTH, elapsed=elapsed), theirs), ltc_named, elapsed, agree)


def test_cfc_starts_alike():
    """Scales at the start, tensor by tensor."""
    ours, theirs = CfC(WIDTH, 200), TheirCfC(WIDTH, WIDTH, backbone_units=200, backbone_layers=1)
    theirs = cfc_named(theirs, torch.detach)
    for name, p in ours.named_parameters():
        torch.testing.assert_close(p.std(), theirs[name].std(), rtol=0.2, atol=1e-3, msg=f"{name}: {{}}".format)
