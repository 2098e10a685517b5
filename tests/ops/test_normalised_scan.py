"""A running average is softmax over time; what is read does not depend on how its sums are kept in range."""
import pytest
import torch

from reprise.core.errors import InputError
from reprise.core.marks import Marks
from reprise.ops.case import Draw, ragged
from reprise.ops.normalised_scan import Running, before, include, normalised_scan
from reprise.ops.normalised_scan.cases import average, empty
from reprise.testing.operations import backends_of

per_backend = pytest.mark.parametrize("backend", backends_of("normalised_scan"))


def drawn(make):
    return make(Draw(torch.float64, torch.Generator().manual_seed(0)))


@per_backend
@pytest.mark.parametrize("vector", [False, True])
def test_without_decay_it_is_softmax(backend, vector):
    s, v, _, nothing = drawn(empty(B=2, T=13, N=(3, 4), vector=vector))
    read, end = normalised_scan(s, v, torch.zeros(()).expand_as(s), nothing, backend=backend)
    for t in range(13):
        weights = torch.softmax(s[:, : t + 1], 1)
        torch.testing.assert_close(read.mean[:, t], (weights * v[:, : t + 1]).sum(1))
    torch.testing.assert_close(read.log_weight, s.logcumsumexp(1))
    torch.testing.assert_close(end.maximum, s.amax(1))


@per_backend
def test_reads_do_not_depend_on_the_maximum(backend):
    *p, state = drawn(average(B=2, T=9, N=(3,)))
    shift = torch.tensor([[3.0], [-2.0]])
    same = Running(state.numerator * torch.exp(-shift), state.denominator * torch.exp(-shift), state.maximum + shift)
    found = []
    for carried in (state, same):
        given = [x.clone().requires_grad_() for x in p]
        read, _ = normalised_scan(*given, carried, backend=backend)
        loss = read.mean.square().sum() + read.log_weight.square().sum()
        found.append((*read, *torch.autograd.grad(loss, given)))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)


@per_backend
@pytest.mark.parametrize("vector", [False, True])
def test_gradients_are_right_for_the_state_too(backend, vector):
    s, v, log_w, state = drawn(average(B=1, T=5, N=(2, 3), vector=vector))
    marks = Marks(None, torch.tensor([[False, False, True, False, False]]))

    def run(s, v, log_w, *state):
        read, end = normalised_scan(s, v, log_w, Running(*state), marks, backend=backend)
        return *read, *end

    assert torch.autograd.gradcheck(run, [x.requires_grad_() for x in (s, v, log_w, *state)])


@per_backend
@pytest.mark.parametrize("vector", [False, True])
def test_nothing_seen_is_never_not_a_number(backend, vector):
    s, v, log_w, nothing = drawn(empty(B=3, T=6, N=(2, 3), vector=vector))
    s[1, :3] = -torch.inf  # steps that write nothing, before any that does
    v[2] = torch.nan  # padding
    marks = ragged([6, 6, 0], [[2], [4], []], 6)
    given = [x.requires_grad_() for x in (s, v, log_w, *nothing)]
    read, end = normalised_scan(*given[:3], Running(*given[3:]), marks, backend=backend)
    assert not read.mean[1, :3].any()
    assert (read.log_weight[1, :3] == -torch.inf).all()
    assert not end.numerator[2].any()
    assert not end.denominator[2].any()
    assert (end.maximum[2] == -torch.inf).all()
    seen = read.log_weight.isfinite()
    loss = read.mean.square().sum() + read.log_weight[seen].sum() + sum(z[:2].sum() for z in end)
    for grad in torch.autograd.grad(loss, given):
        assert grad.isfinite().all()


@per_backend
def test_a_bonus_for_the_current_token_is_that_of_rwkv4(backend):
    s, v, _, state = drawn(average(B=2, T=8, N=(3,)))
    decay, bonus = -torch.rand(3).double(), torch.randn(3).double()
    marks = Marks(None, torch.tensor([[False] * 8, [False] * 4 + [True] + [False] * 3]))
    read, _ = normalised_scan(s, v, decay.expand_as(s), state, marks, backend=backend)
    got = include(before(read, state, marks), s + bonus, v)
    num, den = (z * state.maximum.exp() for z in state[:2])
    for t in range(8):
        forget = marks.fresh[:, t, None]
        num, den = num.masked_fill(forget, 0), den.masked_fill(forget, 0)
        now = torch.exp(s[:, t] + bonus)
        torch.testing.assert_close(got[:, t], (num + now * v[:, t]) / (den + now))
        num, den = (decay.exp() * z + torch.exp(s[:, t]) * new for z, new in ((num, v[:, t]), (den, 1.0)))


def test_a_bonus_after_nothing_has_a_gradient():
    s, v, log_w, nothing = drawn(empty(B=1, T=3, N=(2,)))
    given = [x.requires_grad_() for x in (s, v, log_w)]
    read, _ = normalised_scan(*given, nothing)
    got = include(before(read, nothing), s + 0.5, v)
    torch.testing.assert_close(got[:, 0], v[:, 0])
    for grad in torch.autograd.grad(got.square().sum(), given):
        assert grad.isfinite().all()


def test_shapes_that_do_not_fit_are_refused():
    s, v, log_w, state = drawn(average(B=2, T=3, N=(4, 5), vector=True))
    wrong = {"do not fit values": (s[..., 0], v, log_w, state), "log_w.expand_as": (s, v, log_w[:1], state),
             "numerator, denominator and": (s, v, log_w, state._replace(maximum=state.numerator))}
    for message, given in wrong.items():
        with pytest.raises(InputError, match=message):
            normalised_scan(*given)
