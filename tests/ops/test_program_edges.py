"""Functions of which machine code once made another: each is the same, or is left to torch."""
import pytest
import torch

from reprise.ops.program import make_program


def write_through_a_view(x):
    y = x * 2
    y[:, 0].mul_(3)
    return y


def write_under_a_view(x):
    y = x * 2
    view = y.view(-1)
    y.add_(1)
    return view * 1


def write_what_does_not_vary(x):
    ones = torch.ones(x.shape[1])
    y = x * ones
    ones.mul_(2)
    return y * ones


def write_alone(x):
    y = x * 1
    z = y + 1
    y.mul_(2)
    return z + y


def pair(x):
    return torch.complex(x, 2 * x + 1)


SAME = {
    "view written": write_through_a_view, "written under a view": write_under_a_view,
    "constant written": write_what_does_not_vary, "alone": write_alone,
    "conjugate": lambda x: torch.view_as_real(pair(x).conj() * pair(x)), "conjugate alone": lambda x: pair(x).conj(),
    "conjugate's part": lambda x: pair(x).conj().imag, "conjugate constant": lambda x: x + torch.tensor([1j]).conj(),
    "negative view": lambda x: torch._neg_view(x) + 2 * x, "complex product": lambda x: pair(x) @ pair(x).mH,
    "complex exp": lambda x: pair(x).exp(), "complex quotient": lambda x: pair(x) / (pair(x) + 3),
    "large modulus": lambda x: torch.complex(1e25 * x, 1e25 * x).abs(), "real of complex": lambda x: pair(x) == pair(x),
    "rounded quotient": lambda x: torch.div(x, 0.3, rounding_mode="floor"), "whole quotient": lambda x: x.long() // 2,
    "whole power": lambda x: (9 * x).long() ** 4, "whole floor": lambda x: x.long().floor(),
    "whole product": lambda x: (9 * x).long() @ (9 * x).long().mT, "whole amax": lambda x: (9 * x).long().amax(-1),
    "truths added": lambda x: (x > 0) + (x < 1), "larger truth": lambda x: torch.maximum(x > 0, x < 1),
    "truths compared": lambda x: (x > 0) > (x < 1), "any": lambda x: (x > 0).amax(-1),
    "scaled number": lambda x: x.add(2, alpha=3), "sum of one": lambda x: x.sum().sum(0),
    "softmax of one": lambda x: x.sum().softmax(-1), "sum of nothing": lambda x: x[:, :0].sum(1),
    "mean of nothing": lambda x: x[:, :0].mean(1), "half precision inside": lambda x: (2 * x.half()).float(),
    "bits": lambda x: (x * 2).view(torch.int32), "strides": lambda x: torch.as_strided(x.mT * 2, (2, 2), (1, 2)),
    "bounds that are none": lambda x: x.clamp(x * float("nan"), x),
}


@pytest.mark.parametrize("name", SAME)
def test_the_same_or_none(name):
    torch.manual_seed(0)
    function, x = SAME[name], torch.randn(3, 4)
    program, why = make_program(lambda x, state: (function(x), state), x, (x,), {})
    assert program is not None or why.startswith("torch, since there is no machine code for")
    for z in torch.randn(3, 3, 4) if program is not None else ():
        torch.testing.assert_close(program(z, (z,))[0], function(z), rtol=1e-5, atol=1e-5, equal_nan=True)


def test_a_state_may_be_a_list():
    x = torch.randn(1, 3)
    program, _ = make_program(lambda x, state: (x + state[0], [x, state[0]]), x, [x], {})
    y, state = program(x, [2 * x])
    assert torch.equal(y, 3 * x) and isinstance(state, list) and torch.equal(state[1], 2 * x)
