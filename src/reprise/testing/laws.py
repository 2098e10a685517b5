"""The laws of a SequenceLayer, as checks anyone may run on their own layer, narrow (about 4 wide) and in float64.

Every check takes the layer and raises AssertionError where the law does not hold. `checks()` lists them.
"""
import copy
import pickle
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch

from reprise.core.errors import InputError
from reprise.core.layer import SequenceLayer
from reprise.core.state import concatenate, fork, map_state, named_tensors, refill, select
from reprise.core.state_file import load_state, save_state
from reprise.testing.rows import assert_rows_agree, assert_rows_as_good
from reprise.testing.ways import alone, by_steps, in_pieces, inputs, outcome, packed, padded, same, tensors, whole

__all__ = ["checks"]

LENGTHS = (0, 1, 2, 3, 7, 15, 16, 17, 63, 64, 65)  # shorter than a convolution, and around the chunks of operations


def checks() -> list[Callable[[SequenceLayer], None]]:
    """All laws, in the order they are written."""
    return [v for k, v in globals().items() if k.startswith("check_")]


def law_name(check: Callable) -> str:
    return check.__name__.removeprefix("check_")


def check_forward_is_repeated_step(layer):
    for T in LENGTHS:
        same(layer, whole, by_steps, T=T)


def check_any_split_is_the_whole(layer):
    for T, cuttings in {7: [[c] for c in range(8)], 65: [[1], [15, 17], [16, 32, 48], [63], [64], [3, 3, 40]]}.items():
        for cuts in cuttings:
            same(layer, partial(in_pieces, cuts=cuts), whole, T=T)


def check_lengths_are_separate_sequences(layer):
    lengths = [5, 0, 7, 1, 2]
    same(layer, partial(padded, lengths=lengths), partial(alone, starts=[[]] * 5, lengths=lengths), B=5)


def check_resets_are_separate_sequences(layer):
    starts, T = [[0, 3], [6], [], [1, 2, 3, 20], [15, 16, 17]], 21
    same(layer, partial(packed, starts=starts), partial(alone, starts=starts, lengths=[T] * 5), B=5, T=T)


def check_lengths_and_resets_together(layer):
    packing = {"starts": [[2, 4, 6], [0], [1]], "lengths": [5, 0, 7]}
    same(layer, partial(packed, **packing), partial(alone, **packing), B=3)


def check_padding_is_never_read(layer):
    x, state = inputs(layer)
    x = x.detach()
    lengths = torch.tensor([4, 7])
    poisoned = x.clone()
    poisoned[0, 4:] = torch.nan
    poisoned.requires_grad_()
    y, end = layer(poisoned, state, lengths=lengths)
    want, want_end = layer(x, state, lengths=lengths)
    assert not y[0, 4:].any(), "the output at padding is not zero"
    _agree((y, end), (want, want_end))
    (grad,) = torch.autograd.grad(y.sum(), poisoned)
    assert not grad[0, 4:].any(), "padding has a gradient"


def check_no_state_is_the_initial_state(layer):
    x, _ = inputs(layer)
    _agree(layer(x), layer(x, layer.initial_state(2)))


def check_output_sees_its_row_and_past_only(layer):
    x, state = inputs(layer, B=3, T=18)
    mixture = torch.arange(1.0, 1 + layer.width, dtype=torch.float64)  # a plain sum is constant after a norm
    for t in (0, 1, 3, 14, 15, 16, 17):
        (grad,) = torch.autograd.grad(layer(x, state)[0][1, t] @ mixture, x)
        assert not grad[1, t + 1 :].any(), f"the output at t={t} sees the future"
        assert not grad[[0, 2]].any(), "rows mix"


def check_everything_learns(layer):
    grads = outcome(layer, partial(packed, starts=[[3], []]), *inputs(layer))
    dead = [n for n, g in grads.items() if n.startswith("gradient") and g.numel() and not g.any()]
    assert not dead, f"zero {dead}"


def check_gradients_are_right(layer):
    x, state = inputs(layer, B=1, T=3)
    learned = [s for s in tensors(state) if s.requires_grad]

    def run(x, *parts):
        following = iter(parts)
        filled = map_state(lambda s: next(following) if s.requires_grad else s, state)
        y, end = layer(x, filled)
        return [y, *(s for s in tensors(end) if s.requires_grad)]

    assert torch.autograd.gradcheck(run, (x, *learned), fast_mode=True)


def check_state_is_not_mutated(layer):
    x, state = inputs(layer)
    before = [s.detach().clone() for s in tensors(state)]
    with torch.no_grad():
        first = layer(x, state), layer.step(x[:, 0], state)
        again = layer(x, state), layer.step(x[:, 0], state)
    for now, then in zip(tensors(state), before, strict=True):
        assert torch.equal(now, then), "a call wrote into the state it was given"
    _agree(first, again, tolerance=0.0)


def check_state_size_does_not_grow(layer):
    sizes = [sum(s.numel() for s in tensors(layer(inputs(layer, T=T)[0])[1])) for T in (0, 1, 30)]
    assert len(set(sizes)) == 1, f"{sizes} numbers after 0, 1 and 30 steps"


def check_saved_states_carry_on(layer):
    x, state = inputs(layer)
    with tempfile.TemporaryDirectory() as folder:
        save_state(Path(folder) / "state.safetensors", state, layer)
        again = load_state(Path(folder) / "state.safetensors", layer)
    _agree(layer(x, again), layer(x, state), tolerance=0.0)


def check_forks_carry_on_alone(layer):
    x, state = inputs(layer)
    other = torch.flip(x, [1])
    both = torch.stack([x, other], 1).flatten(0, 1)  # rows 0 0 1 1
    y, end = layer(both, fork(state, 2))
    for i, x_i in enumerate((x, other)):
        _agree((y[i::2], select(end, [i, 2 + i])), layer(x_i, state))
    rejoined = concatenate([select(state, [1]), select(state, [0])])
    _agree(layer(x, select(rejoined, [1, 0])), layer(x, state), tolerance=0.0)


def check_copies_agree(layer):
    x, state = inputs(layer)
    rebuilt = type(layer)(**layer.options).to(torch.float64)
    rebuilt.load_state_dict(layer.state_dict())
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer)), rebuilt):
        _agree(twin(x, state), layer(x, state), tolerance=0.0)


def check_runs_where_its_parameters_are(layer):
    ghost = copy.deepcopy(layer).to("meta")
    state = ghost.initial_state(2)
    _all_on_meta(state)
    _all_on_meta(ghost(torch.zeros(2, 3, layer.width, dtype=torch.float64, device="meta"), state))


def check_any_batch_size(layer):
    for B in (0, 1):
        x = torch.zeros(B, 3, layer.width, dtype=torch.float64)
        y, end = layer(x)
        assert y.shape == x.shape, f"{tuple(x.shape)} became {tuple(y.shape)}"
        assert all(len(s) == B for s in tensors(end)), "the state has other rows than the input"


def check_extreme_inputs_stay_finite(layer):
    single = copy.deepcopy(layer).float()
    for scale in (0.0, 1e3):
        x = (scale * torch.randn(2, 70, layer.width, generator=torch.Generator().manual_seed(2))).requires_grad_()
        y, end = single(x)
        given = [x, *single.parameters()]
        grads = torch.autograd.grad(y.square().mean(), given, allow_unused=True, materialize_grads=True)
        found = [t for t in (y, *tensors(end), *grads) if t.is_floating_point()]
        assert all(t.isfinite().all() for t in found), f"not finite for inputs of size {scale:g}"


def check_compiles_in_one_graph(layer):
    x, state = inputs(layer)
    torch.compiler.reset()
    compiled = torch.compile(layer, fullgraph=True, backend="eager")
    _agree(compiled(x, state), layer(x, state))


def check_float32_is_as_good_as_the_loop(layer):
    x, state = inputs(layer, T=65)
    single = copy.deepcopy(layer).float()
    exact = by_steps(layer, x, state)
    x32 = x.detach().float()
    like = single.initial_state(2)
    start = refill(like, [s.detach().to(t.dtype) for s, t in zip(tensors(state), tensors(like), strict=True)])
    with torch.no_grad():
        fast, loops = whole(single, x32, start), [by_steps(single, x32, start)]
        try:
            _as_good(fast, loops, exact)
        except AssertionError:  # where one rounding decides, the loop may have been lucky: see what else it could give
            g = torch.Generator().manual_seed(3)
            for _ in range(4):
                moved = x32 * (1 + torch.finfo(x32.dtype).eps * torch.randn(x32.shape, generator=g))
                loops.append(by_steps(single, moved, start))
            _as_good(fast, loops, exact)


def check_bfloat16_is_near(layer):
    x, _ = inputs(layer)
    y, _ = copy.deepcopy(layer).bfloat16()(x.bfloat16())
    assert y.dtype == torch.bfloat16, f"bfloat16 in, {y.dtype} out"
    far = (y.double() - layer(x)[0]).norm() / y.double().norm()
    assert far < 0.05, f"{far:.0%} away"


def check_errors_say_what_to_do(layer):
    x, _ = inputs(layer)
    D = layer.width
    wrong = {f"got (2, 7, {D + 1})": ((torch.zeros(2, 7, D + 1),), {}), "use step": ((x[:, 0],), {}),
             "embed tokens": ((torch.zeros(2, 7, D, dtype=torch.long),), {}),
             "does not fit": ((x, layer.initial_state(3)), {}),
             "one whole length for each": ((x,), {"lengths": torch.tensor([1])}),
             "lengths from 0 to T=7": ((x,), {"lengths": torch.tensor([1, 8])}),
             "torch.bool (2, 7)": ((x,), {"resets": torch.zeros(2, 7)})}
    for message, (args, kwargs) in wrong.items():
        try:
            layer(*args, **kwargs)
        except InputError as error:
            assert message in str(error), f"expected {message!r} in {str(error)!r}"
        else:
            raise AssertionError(f"no error, expected one with {message!r}")


def _all_on_meta(tree) -> None:
    astray = {name: t.device.type for name, t in named_tensors(tree) if t.device.type != "meta"}
    assert not astray, f"the parameters are on meta, but not {astray}"


def _as_good(fast, loops: list, exact) -> None:
    for i, (name, want) in enumerate(named_tensors(exact)):
        if want.is_floating_point() or want.is_complex():
            assert_rows_as_good(tensors(fast)[i], [tensors(loop)[i] for loop in loops], want, name)


def _agree(got, want, tolerance: float = 1e-8) -> None:
    for (name, left), right in zip(named_tensors(got), tensors(want), strict=True):
        assert_rows_agree(left, right, name, tolerance)
