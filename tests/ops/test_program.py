"""Machine code made from torch's operations computes what they do, at the edges too."""
import math

import pytest
import torch
from torch.nn import functional as F

from reprise.ops.program import make_program

EDGES = [0.0, -0.0, 1.0, -1.0, 0.5, 1e-8, -1e-8, 1e-30, 30.0, -30.0, 88.0, -88.0, 95.0, -104.0, 1e4, -1e4, 1e38,
         math.inf, -math.inf, math.nan]
FUNCTIONS = {
    "exp": torch.exp, "exp2": torch.exp2, "sigmoid": torch.sigmoid, "tanh": torch.tanh, "silu": F.silu,
    "softplus": F.softplus, "logsigmoid": F.logsigmoid, "gelu": lambda x: F.gelu(x.clamp(-1e30, 1e30)),
    "tanh gelu": lambda x: F.gelu(x, approximate="tanh"), "relu": torch.relu, "abs": torch.abs,
    "neg": torch.neg, "square": torch.square, "sqrt": lambda x: x.abs().sqrt(),
    "rsqrt": lambda x: (x * x + 1e-6).rsqrt(), "log": lambda x: x.abs().log(), "log1p": lambda x: x.abs().log1p(),
    "expm1": torch.expm1, "sin": lambda x: x.clamp(-50, 50).sin(), "cos": lambda x: x.clamp(-50, 50).cos(),
    "reciprocal": torch.reciprocal, "floor": torch.floor, "clamp": lambda x: x.clamp(-1, 2), "erf": torch.erf,
    "cube": lambda x: x**3, "power": lambda x: x.abs() ** 1.7, "maximum": lambda x: torch.maximum(x, 1 - x),
    "minimum": lambda x: torch.minimum(x, -x), "where": lambda x: torch.where(x > 0, x, 2 * x), "isnan": torch.isnan,
    "compare": lambda x: (x >= 0.5).to(x.dtype) + (x != 1), "whole": lambda x: x.clamp(-9, 9).nan_to_num().long() * 3,
    "leaky": lambda x: F.leaky_relu(x, 0.1), "elu": F.elu, "mish": F.mish, "hardtanh": F.hardtanh,
    "remainder": lambda x: x.clamp(-99, 99) % 0.75 + x.clamp(-99, 99) % -2,
}
SHAPED = {
    "sum": lambda x: x.sum(1), "mean": lambda x: x.mean((0, 2), True), "amax": lambda x: x.amax(-1),
    "softmax": lambda x: x.softmax(-1), "logsumexp": lambda x: x.logsumexp(1), "variance": lambda x: x.var(2),
    "layer norm": lambda x: F.layer_norm(x, x.shape[-1:]), "group norm": lambda x: F.group_norm(x, 2),
    "rms norm": lambda x: F.rms_norm(x, x.shape[-1:]), "normalise": lambda x: F.normalize(x, dim=1),
    "turned": lambda x: x.transpose(0, 2).reshape(x.shape[0], -1),
    "joined": lambda x: torch.cat([x[:, :1], 2 * x, x[:, -1:]], 1), "piled": lambda x: torch.stack([x, -x], 1),
    "product": lambda x: x @ x.mT, "left product": lambda x: x.mT @ x,
    "outer": lambda x: x[..., None] * x[..., None, :], "einsum": lambda x: torch.einsum("bij,bkj->bik", x, x.exp()),
    "whole product": lambda x: x[0] @ x[-1].T + x[0, 0, 0],
    "repeated": lambda x: x.repeat_interleave(2, 1), "diagonal": lambda x: torch.diagonal(x, dim1=1, dim2=2),
    "complex": lambda x: torch.view_as_real(torch.complex(x, -x) * torch.complex(x.exp(), x) + x),
}


def program_of(function, x):
    program, why = make_program(lambda x, state: (function(x), state), x, (x,), {})
    assert why == "machine code", why
    return lambda x: program(x, (x,))[0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_at_their_edges(name, dtype):
    x = torch.cat([torch.tensor(EDGES), torch.linspace(-12, 12, 1001)]).to(dtype)[None]
    want, got = FUNCTIONS[name](x), program_of(FUNCTIONS[name], x)(x)
    assert got.dtype == want.dtype
    close = 2e-6 if dtype == torch.float32 else 1e-12
    torch.testing.assert_close(got, want, rtol=close, atol=1e-37 if name == "exp" else close, equal_nan=True)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("shape", [(2, 4, 5), (1, 2, 37), (3, 18, 16)], ids=str)
@pytest.mark.parametrize("name", SHAPED)
def test_shapes(name, shape, dtype):
    torch.manual_seed(0)
    x = torch.randn(shape, dtype=dtype)
    want, got = SHAPED[name](x), program_of(SHAPED[name], x)(x)
    assert got.shape == want.shape and got.is_contiguous()
    torch.testing.assert_close(got, want, rtol=2e-5 if dtype == torch.float32 else 1e-10, atol=1e-5)


def test_small_results_are_not_lost():
    x = torch.tensor([[1e-20, 1e-5, -3e-4, 0.01, 0.2]])
    torch.testing.assert_close(program_of(torch.tanh, x)(x), x.tanh(), rtol=1e-6, atol=0)


def test_whole_numbers_count_exactly():
    x = torch.tensor([[2**53 + 1, -7, 0]])
    assert torch.equal(program_of(lambda x: 3 * x - 1, x)(x), 3 * x - 1)
    for divisor in (4, -4, 7):
        assert torch.equal(program_of(lambda x, by=divisor: x % by, x)(x), x % divisor)


@pytest.mark.parametrize(("function", "why"), [
    (lambda x: x.cumsum(1), "cumsum"), (lambda x: x + torch.rand_like(x), "at random"),
    (lambda x: x.bfloat16(), "bfloat16"), (lambda x: x if x.sum() > 0 else -x, ""),
])
def test_says_what_it_cannot(function, why):
    x = torch.ones(1, 3)
    program, reason = make_program(lambda x, state: (function(x), state), x, (x,), {})
    assert program is None and reason.startswith("torch, since there is no machine code for") and why in reason
