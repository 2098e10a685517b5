"""Newton's iteration over time gives what the loop gives, says how well it did, and steps back where it fails."""
from functools import partial
from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from reprise.core.errors import InputError
from reprise.core.marks import NO_MARKS
from reprise.core.state import map_state, named_tensors
from reprise.ops.case import ragged
from reprise.ops.gru import reference as gru
from reprise.ops.lstm import LSTMMemory, reference as lstm
from reprise.ops.newton_scan import Newton, NotConverged, newton_scan
from reprise.ops.unroll import unroll
from reprise.testing.rows import assert_rows_agree

D = 4
WAYS = {"full": Newton(), "diagonal": Newton("diagonal"), "damped": Newton(damping=0.3),
        "diagonal, damped": Newton("diagonal", damping=0.3), "loose": Newton("diagonal", tolerance=1e-12)}
MARKS = {"plain": lambda T: NO_MARKS, "padded": lambda T: ragged([T, 0, max(T - 2, 0)], [[], [], []], T),
         "packed": lambda T: ragged([T, 0, max(T - 1, 0)], [[0, T // 2], [], [T // 3]] if T else [[]] * 3, T)}


class Turn(NamedTuple):
    z: Tensor
    size: Tensor


def normal(*shape, seed=0, scale=1.0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * scale


def elman(weight, p, h):
    return torch.tanh(p + h @ weight)


def turning(weight, p, m):
    """A complex number that turns, and a real one that watches it."""
    z = torch.complex(torch.tanh(p + (m.z * weight[0, 0]).real), 0.5 * torch.sin(m.z.imag))
    return Turn(z, 0.5 * torch.tanh(m.size) + m.z.abs().square())


CELLS = {  # the step, given a weight; how wide p is; the memory
    "elman": (elman, D, (D, D), lambda B: normal(B, D, seed=3)),
    "gru": (lambda w, p, h: gru.advance(p, h, w, w[:, 0]), 3 * D, (3 * D, D), lambda B: normal(B, D, seed=3)),
    "lstm": (lambda w, p, m: lstm.advance(p, m, w), 4 * D, (4 * D, D),
             lambda B: LSTMMemory(normal(B, D, seed=3).tanh(), normal(B, D, seed=4))),
    "complex": (turning, D, (1, 1), lambda B: Turn(torch.complex(normal(B, D, seed=3), normal(B, D, seed=4)) / 3,
                                                   normal(B, D, seed=5))),
}


def problem(cell, T, B=3):
    step, G, shape, memory = CELLS[cell]
    given = (normal(B, T, G), normal(*shape, seed=1, scale=0.3), memory(B), memory(1))
    return step, map_state(torch.Tensor.requires_grad_, given)


def outcome(run, step, given, marks):
    """What is read, the last memory, and the gradients of a mixture of both."""
    p, weight, memory, start = given
    result = run(partial(step, weight), p, memory, marks, start=start)[:2]
    found = dict(named_tensors(result, "result"))
    loss = sum((torch.view_as_real(z) if z.is_complex() else z).mul(0.1).sin().sum() for z in found.values())
    wanted = dict(named_tensors(given, "gradient"))
    grads = torch.autograd.grad(loss, list(wanted.values()), allow_unused=True, materialize_grads=True)
    return found | dict(zip(wanted, grads))


@pytest.mark.parametrize("marks", MARKS)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("cell", CELLS)
def test_same_as_the_loop(cell, way, marks):
    for T in (0, 1, 2, 3, 17, 64):
        step, given = problem(cell, T)
        want, got = (outcome(run, step, given, MARKS[marks](T))
                     for run in (unroll, partial(newton_scan, newton=WAYS[way])))
        for part in want:
            assert_rows_agree(got[part], want[part], f"{part} (T={T})", tolerance=1e-9)


@pytest.mark.parametrize("way", ["full", "diagonal"])
def test_gradients_are_right(way):
    step, given = problem("lstm", 5, B=2)
    marks = ragged([5, 4], [[], [2]], 5)

    def run(p, weight, h, c, *start):
        read, memory, _ = newton_scan(
            partial(step, weight), p, LSTMMemory(h, c), marks, start=LSTMMemory(*start), newton=WAYS[way])
        return *read, *memory

    assert torch.autograd.gradcheck(run, [z for _, z in named_tensors(given)], fast_mode=True)


def test_few_iterations_for_many_steps():
    step, (p, weight, memory, start) = problem("gru", 4096, B=1)
    want, _ = unroll(partial(step, weight), p, memory, start=start)
    for newton, most in ((Newton(), 8), (Newton("diagonal"), 30), (Newton(tolerance=1e-4), 6)):
        got, _, found = newton_scan(partial(step, weight), p, memory, start=start, newton=newton)
        assert found.converged and found.iterations <= most
        assert (got - want).abs().max() < (1e-3 if newton.tolerance else 1e-13)


@pytest.mark.parametrize(("jacobian", "mix"), [("full", normal(D, D) / 3), ("elementwise", torch.full((D,), 0.9)),
                                               ("diagonal", torch.full((D,), 0.9))])
def test_a_linear_recurrence_takes_one_iteration(jacobian, mix):
    def step(p, h):
        return p + (h @ mix if mix.ndim == 2 else h * mix)

    _, _, found = newton_scan(step, normal(2, 100, D), normal(2, D), start=normal(1, D),
                              newton=Newton(jacobian, tolerance=1e-12))
    assert found.converged and found.iterations == 1


@pytest.mark.parametrize("marks", MARKS)
@pytest.mark.parametrize("tolerance", [1e-2, 1e-6, None])
def test_the_residual_is_that_of_the_answer(tolerance, marks):
    step, (p, weight, memory, start) = problem("elman", 40)
    marks = MARKS[marks](40)
    with torch.no_grad():
        every, _, found = newton_scan(partial(step, weight), p, memory, marks, start=start,
                                      newton=Newton("diagonal", tolerance))
        before = marks.restart(torch.cat([memory[:, None], every[:, :-1]], 1), start)
        largest = marks.pad(every - step(weight, p, before), 0.0).abs().max()
    assert found.residual == pytest.approx(largest.item(), rel=0.5, abs=1e-15)  # one product sums in another order
    assert found.residual <= (1e-15 if tolerance is None else tolerance) * every.abs().max().clamp(min=1)


def logistic(p, h):
    """Chaos: errors double at every step."""
    return 3.99 * h * (1 - h) + p


def chaos(T):
    return torch.zeros(1, T, 1, dtype=torch.float64), torch.full((1, 1), 0.3, dtype=torch.float64)


def test_as_many_iterations_as_steps_are_always_enough():
    p, h = chaos(40)
    want, _ = unroll(logistic, p, h, start=h)
    for newton in (Newton(limit=41), Newton("elementwise", limit=41), Newton(limit=41, damping=1.0)):
        got, _, found = newton_scan(logistic, p, h, start=h, newton=newton)
        assert found.converged
        assert_rows_agree(got[:, :20], want[:, :20], "the steps that rounding leaves alone")


def test_chaos_runs_the_loop_and_says_so():
    p, h = chaos(3000)
    h.requires_grad_()
    with pytest.warns(RuntimeWarning, match=r"residual \S+ after 20 iterations .* running the loop instead") as caught:
        got, last, found = newton_scan(logistic, p, h, start=h, newton=Newton(limit=20))
    want, end = unroll(logistic, p, h, start=h)
    assert torch.equal(got, want) and torch.equal(last, end) and got.requires_grad
    assert len(caught) == 1 and not found.converged and found.iterations == 20
    with pytest.raises(NotConverged, match=r"residual .* give more iterations"):
        newton_scan(logistic, p, h, start=h, newton=Newton(limit=20, otherwise="raise"))
    with pytest.warns(RuntimeWarning):
        got = newton_scan(logistic, p, h, start=h, newton=Newton(limit=20), loop=lambda p, h, marks: ("mine", h))
    assert got[0] == "mine"


def test_what_is_not_a_number_runs_the_loop():
    step, (p, weight, memory, start) = problem("elman", 9)
    p = p.detach().clone()
    p[0, 4] = torch.nan
    with pytest.warns(RuntimeWarning, match="residual nan"):
        got, *_ = newton_scan(partial(step, weight), p, memory, start=start, newton=Newton(limit=12))
    assert got[1:].isfinite().all() and got[0, :4].isfinite().all() and got[0, 4:].isnan().all()


def test_a_good_guess_needs_no_iteration():
    step, (p, weight, memory, start) = problem("lstm", 33)
    run = partial(newton_scan, partial(step, weight), p, memory, start=start)
    want, _, first = run()
    got, _, found = run(guess=want, newton=Newton(tolerance=1e-12))
    assert found.iterations == 0 < first.iterations
    grads = (torch.autograd.grad(m.h.sum() + m.c.square().sum(), weight)[0] for m in (got, want))
    torch.testing.assert_close(*grads)


def test_only_what_is_asked_for_is_kept():
    step, (p, weight, memory, start) = problem("lstm", 33)
    read, last, _ = newton_scan(partial(step, weight), p, memory, start=start, emit=lambda m: m.h[..., :1])
    want, end = unroll(partial(step, weight), p, memory, start=start, emit=lambda m: m.h[..., :1])
    torch.testing.assert_close((read, tuple(last)), (want, tuple(end)))


def test_gradients_only_where_something_learns():
    step, given = problem("elman", 9)
    p, weight, memory, start = map_state(torch.Tensor.detach, given)
    learning = weight.clone().requires_grad_()
    assert newton_scan(partial(step, learning), p, memory, start=start)[0].requires_grad
    assert not newton_scan(partial(step, weight), p, memory, start=start)[0].requires_grad
    with torch.inference_mode():
        plain, _, found = newton_scan(partial(step, learning), p + 0, memory, start=start)
    assert found.converged and not plain.requires_grad
    assert torch.equal(plain, newton_scan(partial(step, learning), p, memory, start=start)[0])


def test_a_first_memory_may_be_infinite():
    p, first = normal(2, 9, D), torch.full((2, D), -torch.inf, dtype=torch.float64)
    found = newton_scan(lambda p, h: torch.maximum(p, h - 0.5), p, first, start=first[:1])
    want = unroll(lambda p, h: torch.maximum(p, h - 0.5), p, first, start=first[:1])
    assert torch.equal(found[0], want[0]) and found[2].iterations > 0


def test_memories_without_a_say_are_fine():
    p = normal(2, 5, D).requires_grad_()
    every, last, found = newton_scan(lambda p, h: p.sin(), p, normal(2, D), start=normal(1, D))
    assert torch.equal(every, p.sin()) and torch.equal(last, every[:, -1]) and found.iterations == 1
    grad, = torch.autograd.grad(every.sum(), p)
    torch.testing.assert_close(grad, p.cos())


def test_autocast_does_not_reach_the_memory():
    step, given = problem("gru", 17)
    p, weight, memory, start = map_state(lambda x: x.detach().float(), given)
    plain, *_ = newton_scan(partial(step, weight), p, memory, start=start)
    with torch.autocast("cpu", torch.bfloat16):
        rounded, _, found = newton_scan(partial(step, weight), p, memory, start=start)
    assert found.converged and torch.equal(plain, rounded)


def test_compiles_whole_as_the_loop():
    step, (p, weight, memory, start) = problem("elman", 3)

    def run(p):
        return newton_scan(partial(step, weight), p, memory, start=start)[0]

    torch.testing.assert_close(torch.compile(run, fullgraph=True, backend="eager")(p), run(p))


@pytest.mark.parametrize(("wrong", "message"), [
    ({"jacobian": "diag"}, "no jacobian is named 'diag'; did you mean 'diagonal'"),
    ({"otherwise": "warn"}, "no otherwise is named 'warn'"), ({"limit": 0}, "expected limit of 1 or more, got 0"),
    ({"tolerance": 0.0}, "expected a tolerance above 0, got 0.0"), ({"damping": 1.5}, "damping from 0 to 1, got 1.5")])
def test_settings_are_checked(wrong, message):
    with pytest.raises(InputError, match=message):
        Newton(**wrong)


def test_errors_say_that_whole_numbers_have_no_derivative():
    count = torch.zeros(2, 1, dtype=torch.long)
    with pytest.raises(InputError, match=r"a memory of torch.int64 has no derivative"):
        newton_scan(lambda p, m: m + 1, torch.zeros(2, 3, 1), count, start=count[:1])
