"""Recurrent weights by head are cells side by side; and what xLSTM's cell has that others have not."""
import math

import pytest
import torch

from reprise.core.state import map_state
from reprise.ops.case import Draw, ragged
from reprise.ops.heads import block_diagonal, product
from reprise.ops.slstm import SLSTMMemory, nothing, slstm
from reprise.ops.slstm.cases import sample as xlstm
from reprise.testing.operations import backends_of, cases_of, operation
from reprise.testing.rows import assert_rows_agree

GATES = {"elman": 1, "gru": 3, "lstm": 4, "slstm": 4}
PAIRS = [(name, backend) for name in GATES for backend in backends_of(name)]
per_backend = pytest.mark.parametrize("backend", backends_of("slstm"))


def _of_head(z, k, heads, gates):
    """One head's part of every gate."""
    return z.unflatten(-1, (gates, heads, -1))[..., k, :].flatten(-2)


@pytest.mark.parametrize(("name", "backend"), PAIRS)
def test_a_head_is_a_cell_of_its_own(name, backend):
    case, = (case for case in cases_of(name) if case.name == "heads")
    p, weight, *bias, memory = case.arguments()
    every, end = operation(name)(p, weight, *bias, memory, backend=backend)
    for k, weight_k in enumerate(weight):
        p_k, *bias_k = (_of_head(z, k, len(weight), GATES[name]) for z in (p, *bias))
        memory_k = map_state(lambda z, k=k: _of_head(z, k, len(weight), 1), memory)
        want, last = operation(name)(p_k, weight_k, *bias_k, memory_k, backend=backend)
        assert_rows_agree(_of_head(every, k, len(weight), 1), want)
        map_state(lambda z, w, k=k: assert_rows_agree(_of_head(z, k, len(weight), 1), w), end, last)


def test_one_matrix_says_the_same():
    weight, h, bias = torch.randn(3, 8, 2), torch.randn(5, 6), torch.randn(24)
    torch.testing.assert_close(product(h, block_diagonal(weight), bias), product(h, weight, bias))
    assert block_diagonal(weight).count_nonzero() == weight.numel()


def drawn(**sizes):
    return xlstm(**sizes)(Draw(torch.float64, torch.Generator().manual_seed(0)))


@per_backend
def test_gradients_of_slstm_are_right_for_the_state_too(backend):
    p, weight, memory = drawn(B=2, T=4, D=2)
    marks = ragged([4, 3], [[], [1]], 4)

    def run(p, weight, *memory):
        every, end = slstm(p, weight, SLSTMMemory(*memory), marks, backend=backend)
        return marks.pad(every, 0.0), *end

    assert torch.autograd.gradcheck(run, [x.requires_grad_() for x in (p, weight, *memory)])


@per_backend
def test_what_slstm_reads_does_not_depend_on_its_maximum(backend):
    p, weight, memory = drawn(B=2, T=6, D=3)
    h, c, n, m = memory
    other = SLSTMMemory(h, c * math.exp(-2), n * math.exp(-2), m + 2)
    one, two = (slstm(p, weight, start, backend=backend)[0] for start in (memory, other))
    assert_rows_agree(one, two)


@per_backend
def test_the_first_thing_slstm_sees_is_all_it_holds(backend):
    p, weight, memory = drawn(B=2, T=2, D=3)
    for size in (1.0, 300.0):
        every, end = slstm(p[:, :1] * size, weight, nothing(memory.h), backend=backend)
        i, _, z, o = (p[:, 0] * size).chunk(4, -1)
        assert_rows_agree(every[:, 0], torch.sigmoid(o) * torch.tanh(z))
        assert_rows_agree(end.m, i)
        assert_rows_agree(end.n, torch.ones_like(i))
