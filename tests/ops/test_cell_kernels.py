"""What the compiled cells are made of: functions right to the last digits, a product of few rows, shares of rows."""
import math

import numpy as np
import pytest
import torch

from reprise.core.marks import Marks
from reprise.ops import cell_kernel
from reprise.ops.case import Case, ragged
from reprise.ops.elman.cases import sample
from reprise.ops.row_product import add_product, laid_out, zero_rows
from reprise.ops.vector_math import exp, log_sigmoid, part, sigmoid, tanh
from reprise.testing.operations import evaluate
from reprise.testing.rows import assert_rows_agree

TYPES = [np.float32, np.float64]
EXACT = {
    "exp": np.exp, "log_sigmoid": lambda x: np.minimum(x, 0) - np.log1p(np.exp(-np.abs(x))),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)), "tanh": np.tanh,
}


@part
def each_tanh(x, out):
    for j in range(len(x)):
        out[j] = tanh(x[j])


@part
def each_sigmoid(x, out):
    for j in range(len(x)):
        out[j] = sigmoid(x[j])


@part
def each_exp(x, out):
    for j in range(len(x)):
        out[j] = exp(x[j])


@part
def each_log_sigmoid(x, out):
    for j in range(len(x)):
        out[j] = log_sigmoid(x[j])


EACH = {"exp": each_exp, "log_sigmoid": each_log_sigmoid, "sigmoid": each_sigmoid, "tanh": each_tanh}


@pytest.mark.parametrize("name", EACH)
@pytest.mark.parametrize("kind", TYPES)
def test_right_to_the_last_digits(name, kind):
    draw = np.random.default_rng(0)
    x = np.concatenate([draw.standard_normal(20_000) * size for size in (1e-6, 1e-2, 0.3, 1, 4, 15)]).astype(kind)
    out = np.empty_like(x)
    EACH[name](x, out)
    want = EXACT[name](x.astype(np.longdouble))
    assert (np.abs(out - want) <= 2.5 * np.finfo(kind).eps * np.abs(want)).all()


@pytest.mark.parametrize("name", EACH)
@pytest.mark.parametrize("kind", TYPES)
def test_ends_of_the_range(name, kind):
    x = np.array([-math.inf, -1e30, -100, 100, 1e30, math.inf, math.nan], kind)
    out = np.empty_like(x)
    EACH[name](x, out)
    large = np.exp(np.minimum(x[3:-1], np.array(87 if kind is np.float32 else 708, kind)))  # for exp the end is there
    ends = {"exp": [0, 0, 0, *large], "log_sigmoid": [*x[:3], 0, 0, 0], "sigmoid": [0, 0, 0, 1, 1, 1],
            "tanh": [-1, -1, -1, 1, 1, 1]}
    assert np.allclose(out[:-1], ends[name], rtol=1e-6 if name == "exp" else 0, atol=1e-30)
    assert np.isnan(out[-1])


@pytest.mark.parametrize(("B", "K", "N"), [
    (1, 1, 1), (2, 4, 3), (3, 7, 20), (4, 16, 16), (7, 130, 1040), (8, 5, 33), (1, 2, 8200),
])
def test_product_is_the_product(B, K, N):
    matrix, out = torch.randn(K, N).double(), zero_rows(B, N, torch.zeros(1).double())
    rows = zero_rows(B, K, out)
    rows[:, :K] = torch.randn(B, K)
    before = out[:, :N].normal_().clone()
    add_product(0, B, rows.numpy(), laid_out(matrix).numpy(), out.numpy())
    torch.testing.assert_close(out[:, :N], before + rows[:, :K] @ matrix)
    assert not out[:, N:].any(), "wrote between the rows"


@pytest.mark.parametrize("B", [1, 2, 5, 8])
def test_rows_are_shared_out_among_threads(B, monkeypatch):
    monkeypatch.setattr(cell_kernel, "WORTH_A_THREAD", 0)
    marks = ragged([6] * (B - 1) + [4], [[2]] * B, 6) if B > 1 else Marks()
    case = Case("shared", sample(B=B, T=6, D=5), marks)
    want = evaluate("elman", case, "reference")
    torch.set_num_threads(3)
    try:
        got = evaluate("elman", case, "numba")
    finally:
        torch.set_num_threads(1)
    for name in want:
        assert_rows_agree(got[name], want[name], name, 1e-10)
