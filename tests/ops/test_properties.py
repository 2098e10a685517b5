"""Operations on shapes and marks that nobody thought of: fast is slow, pieces are the whole, packed is apart."""
import pytest
import torch
from hypothesis import given, settings, strategies as st

from reprise.core.marks import Marks
from reprise.core.state import map_state, named_tensors
from reprise.ops.block_scan.cases import blocks
from reprise.ops.case import Case
from reprise.ops.delta_rule.cases import correction
from reprise.ops.linear_attention.cases import association
from reprise.ops.linear_scan.cases import real
from reprise.ops.long_convolution.cases import taps as long_taps
from reprise.ops.selective_scan.cases import selection
from reprise.ops.short_convolution.cases import taps
from reprise.testing.operations import call, evaluate, operation
from reprise.testing.rows import assert_rows_agree

SAMPLES = {  # operation -> its arguments, from batch, time and two small sizes
    "block_scan": lambda B, T, m, n: blocks(B=B, T=T, H=m, N=n),
    "delta_rule": lambda B, T, m, n: correction(B=B, T=T, H=m, K=n, V=m, rates=n if m % 2 else 1),
    "linear_attention": lambda B, T, m, n: association(B=B, T=T, H=m, K=n, V=m, rates=n if m % 2 else 1),
    "linear_scan": lambda B, T, m, n: real(B=B, T=T, N=(m, n)),
    "long_convolution": lambda B, T, m, n: long_taps(B=B, T=T, C=m, D=n, W=m + n),
    "selective_scan": lambda B, T, m, n: selection(B=B, T=T, D=m, N=n, mixed=bool(n % 2)),
    "short_convolution": lambda B, T, m, n: taps(B=B, T=T, D=m, W=n),
}
IN_TIME = dict.fromkeys(SAMPLES, 1) | {"block_scan": 2, "linear_scan": 2}  # how many arguments, the first, have steps
sizes = st.tuples(st.integers(1, 3), st.integers(0, 80), st.integers(1, 4), st.integers(1, 5))
few = settings(deadline=None, max_examples=25, derandomize=True)
per_operation = pytest.mark.parametrize("name", sorted(SAMPLES))


@st.composite
def marks(draw, B, T):
    lengths = torch.tensor(draw(st.lists(st.integers(0, T), min_size=B, max_size=B)))
    real = torch.arange(T) < lengths[:, None]
    fresh = torch.rand(B, T, generator=torch.Generator().manual_seed(draw(st.integers(0, 99)))) < 0.15
    return draw(st.sampled_from([Marks(), Marks(real), Marks(None, fresh), Marks(real, fresh & real)]))


@per_operation
@few
@given(data=st.data(), sizes=sizes)
def test_fast_is_the_definition(name, data, sizes):
    case = Case("drawn", SAMPLES[name](*sizes), data.draw(marks(*sizes[:2])))
    want, got = (evaluate(name, case, backend) for backend in ("reference", "parallel"))
    for part in want:
        assert_rows_agree(got[part], want[part], part, tolerance=1e-9)


@per_operation
@few
@given(data=st.data(), sizes=sizes)
def test_pieces_with_a_carried_state_are_the_whole(name, data, sizes):
    every = data.draw(marks(*sizes[:2]))
    cut = data.draw(st.integers(0, sizes[1]))
    arguments = Case("drawn", SAMPLES[name](*sizes)).arguments()
    whole, end = _run(name, arguments, every)
    first, between = _run(name, _times(name, arguments, slice(None, cut)), _marked(every, slice(None, cut)))
    rest = (*_times(name, arguments, slice(cut, None))[:-1], between)
    second, last = _run(name, rest, _marked(every, slice(cut, None)))
    assert_rows_agree(torch.cat([first, second], 1), whole, "what is read", tolerance=1e-9)
    assert_rows_agree(last, end, "last state", tolerance=1e-9)


@per_operation
@few
@given(data=st.data(), sizes=sizes)
def test_packed_sequences_are_as_good_as_apart(name, data, sizes):
    B, T = sizes[:2]
    start = data.draw(st.integers(0, T))
    arguments = Case("drawn", SAMPLES[name](*sizes)).arguments()
    fresh = (torch.arange(T) == start).expand(B, T)
    packed, end = _run(name, arguments, Marks(None, fresh))
    alone = (*_times(name, arguments, slice(start, None))[:-1], torch.zeros_like(arguments[-1]))
    apart, last = _run(name, alone, Marks())
    assert_rows_agree(packed[:, start:], apart, "what is read", tolerance=1e-9)
    if start < T:
        assert_rows_agree(end, last, "last state", tolerance=1e-9)


def _run(name, arguments, marks):
    return call(operation(name), arguments, marks, "parallel")


def _times(name, arguments, steps):
    """The arguments (in time first, state last), at some steps only."""
    count = IN_TIME[name]
    return (*map_state(lambda x: x[:, steps], arguments[:count]), *arguments[count:])


def _marked(marks, steps):
    return Marks(*(None if m is None else m[:, steps] for m in marks))


@pytest.mark.parametrize("name", ["block_scan", "linear_scan"])
@pytest.mark.parametrize("sizes", [(2, 5, 2, 3), (8, 3, 8, 1)])
def test_gradients_of_gradients_are_right(name, sizes):
    arguments = map_state(torch.Tensor.requires_grad_, Case("drawn", SAMPLES[name](*sizes)).arguments())
    assert torch.autograd.gradgradcheck(lambda *given: _run(name, given, Marks())[0], arguments, fast_mode=True)


def test_samples_have_what_the_tests_cut():
    for name, sample in SAMPLES.items():
        arguments = Case("drawn", sample(2, 7, 3, 4)).arguments()
        assert all(x.shape[:2] == (2, 7) for _, x in named_tensors(arguments[: IN_TIME[name]]))
