"""S5 and FFM against the code of their authors, recorded as the files say."""
import torch

from reprise.layers.linear.state_space._hippo import normal_eigenvectors
from reprise.layers.linear.state_space.s5 import S5
from reprise.layers.memory.ffm import FFM

CLOSE = {"rtol": 1e-7, "atol": 1e-8}


def s5(step, given):
    layer = S5(4, states=6, step=step).double()
    moved = {"log_dt": given["log_dt"] - 2, "B": given["B"].movedim(-1, 1)}
    layer.load_state_dict({n: z.detach() for n, z in {**given, **moved}.items() if n != "x"})
    return layer


def test_s5(recording, agree):
    theirs = recording("s5")
    given = theirs.given
    layer = s5("zoh", given)
    y, _ = layer(given["x"])
    agree("s5", theirs.peer, "forward", y, theirs.result("forward", *y.shape), **CLOSE)
    ours = {"x": given["x"], **dict(layer.named_parameters())}
    found = dict(zip(ours, torch.autograd.grad((theirs.weights(*y.shape) * y).sum(), list(ours.values())), strict=True))
    found["B"] = found["B"].movedim(1, -1)
    agree("s5", theirs.peer, "gradient", found, theirs.gradient, **CLOSE)


def test_s5_by_the_trapezoid_rule(recording, agree):
    theirs = recording("s5")
    y, _ = s5("bilinear", theirs.given)(theirs.given["x"])
    agree("s5", theirs.peer, "forward", y, theirs.result("bilinear", *y.shape), **CLOSE)


def test_s5_eigenvalues(recording, agree):
    theirs = recording("s5")
    agree("s5", theirs.peer, "forward", normal_eigenvectors(8)[0], theirs.result("eigenvalues", 8), **CLOSE)


def test_ffm(recording, agree):
    theirs = recording("ffm")
    given = theirs.given
    layer = FFM(4, traces=5, contexts=3, rate="direct").double()
    parts = dict(zip(("value", "through", "gates"), (5, 4, 9), strict=True))
    named = {"r": 0.3 - given["a"], "w": given["b"], "mix.weight": given["mix.weight"], "mix.bias": given["mix.bias"]}
    for kind in ("weight", "bias"):
        value, through, gates = given[f"pre.{kind}"].split(list(parts.values()))
        named |= {f"value.{kind}": value, f"through.{kind}": through}
        named |= dict(zip((f"gate_in.{kind}", f"gate_out.{kind}"), gates.split([5, 4]), strict=True))
    layer.load_state_dict({n: z.detach() for n, z in named.items()})
    S = torch.complex(given["real"], given["imag"])
    y, end = layer(given["x"], layer.initial_state(2)._replace(memory=S))
    agree("ffm", theirs.peer, "forward", y, theirs.result("forward", *y.shape), **CLOSE)
    agree("ffm", theirs.peer, "state", torch.view_as_real(end.memory), theirs.result("state", 2, 5, 3, 2), **CLOSE)
    parameters = dict(layer.named_parameters())
    outer = [given[n] for n in ("x", "real", "imag")]
    found = torch.autograd.grad((theirs.weights(*y.shape) * y).sum(), [*outer, *parameters.values()])
    ours = dict(zip(parameters, found[3:], strict=True))  # ours by name, theirs through what ours are made of
    back = torch.autograd.grad(list(named.values()), [given[n] for n in given if n not in ("x", "real", "imag")],
                               [ours[n] for n in named])
    agree("ffm", theirs.peer, "gradient", [*found[:3], *back], list(theirs.gradient.values()), **CLOSE)
