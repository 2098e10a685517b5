"""What a recurrent layer multiplies its memory by at each step, and which tasks its eigenvalues rule out."""
from typing import Any

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from reprise.bases.recurrent import Recurrent, State
from reprise.core.errors import InputError, check_counts
from reprise.core.state import detach, growing, map_state, named_tensors

__all__ = ["eigenvalues", "period", "rules_out", "transitions"]


def transitions(layer: Recurrent, x: Float[Tensor, "T D"], state: State | None = None) -> Float[Tensor, "T N N"]:
    """A_t = d m_t / d m_{t-1}, at each step of one sequence; m is the memory, all N numbers of it in a row.

    Of a linear recurrence m_t = A(x_t) m_{t-1} + b(x_t) it is A(x_t) itself, of others the derivative where the
    sequence has led. A complex number counts as two; whole ones, which count steps, have no derivative and are none of
    the N. What the layer keeps of past inputs beside its memory (`local`) is left out: a window has only zeros for
    eigenvalues. Raises InputError for a memory that grows with every step, and for one without such a number.
    Cost     a step over N rows for each step, and T N^2 numbers
    """
    if not isinstance(layer, Recurrent):
        raise InputError(f"transitions: expected a recurrent layer with a memory, got a {type(layer).__name__}; "
                         "give one layer of a stack, and what it is fed")
    if x.ndim != 2 or x.shape[1] != layer.width:
        raise InputError(f"transitions: expected one sequence (T, {layer.width}), got {tuple(x.shape)}")
    state, found = layer.initial_state(1) if state is None else state, []
    for x_t in x.detach():
        A, state = _advance(layer, x_t, detach(state))
        found.append(A)
    return torch.stack(found) if found else x.new_zeros(0, 0, 0)


def eigenvalues(layer: Recurrent, x: Float[Tensor, "T D"], state: State | None = None) -> Complex[Tensor, "T N"]:
    """Of `transitions`, in float64."""
    return torch.linalg.eigvals(transitions(layer, x, state).double())


def rules_out(found: Complex[Tensor, "*B N"], tolerance: float = 1e-3) -> tuple[str, ...]:
    """Which tasks a linear recurrence cannot do for every length, in finite precision, by the eigenvalues of its A(x).

    "parity": all are real and none is negative.   "modulo 3": all are real; so too for every modulus but powers of two.
    Both are necessary conditions only: nothing ruled out does not mean that training finds it. Of a stack, parity is
    ruled out where it is for every layer; modulo 3 where it is for the lowest, and for layer i (from 1) by the
    eigenvalues of all products of 2^(i-1) of its A(x): where those are triangular, or diagonal, products stay real.

    Source  Grazzi et al. 2024, arXiv:2411.12537, theorem 1 and 2   (grazzi2024unlocking)
    """
    if not tolerance >= 0:
        raise InputError(f"rules_out: expected a tolerance of 0 or more, got {tolerance}")
    real = bool((found.imag.abs() <= tolerance).all())
    positive = real and bool((found.real >= -tolerance).all())
    return ("parity",) * positive + ("modulo 3",) * real


def period(outputs: Float[Tensor, "T D"], longest: int = 8, tolerance: float = 1e-3) -> int | None:
    """After how many steps the second half of a sequence repeats itself, None where not within `longest`.

    Of the outputs under one input, again and again: what counts modulo m has a period of m or of a multiple; a linear
    recurrence whose eigenvalues are real and at least 0 comes to rest, in finite precision, which is a period of 1.
    """
    check_counts("period", longest=longest)
    late = outputs[len(outputs) // 2 :]
    if len(late) < 2 * longest:
        raise InputError(f"period: expected {4 * longest} steps or more to find a period of up to {longest}, "
                         f"got {len(outputs)}")
    repeats = (steps for steps in range(1, longest + 1) if (late[steps:] - late[:-steps]).abs().max() <= tolerance)
    return next(repeats, None)


def _advance(layer: Recurrent, x: Float[Tensor, "D"], state: State) -> tuple[Float[Tensor, "N N"], State]:
    """The derivative of one step, and the state after it: N rows take the same step, each is asked for one number."""
    N = sum(_flat(tensor).shape[1] for tensor in _numbers(state.memory))
    if not N or growing(state.memory):
        raise InputError(f"transitions: the memory of {type(layer).__name__} is not of one size with numbers in it, "
                         "and no matrix leads from one step to the next; try gru or mamba")
    repeated = map_state(lambda s: s.expand(N, *s.shape[1:]).clone(), state)
    leaves = [tensor.requires_grad_() for tensor in _numbers(repeated.memory)]
    with torch.enable_grad():
        _, after = layer(x.expand(N, 1, -1), repeated)
        ends = torch.cat([_flat(tensor) for tensor in _numbers(after.memory)], 1)
        slopes = torch.autograd.grad(ends.diagonal().sum(), leaves, allow_unused=True, materialize_grads=True)
    return torch.cat([_flat(slope) for slope in slopes], 1), map_state(lambda s: s[:1].detach(), after)


def _numbers(memory: Any) -> list[Tensor]:
    """The tensors of a memory that have a derivative."""
    return [tensor for _, tensor in named_tensors(memory) if tensor.is_floating_point() or tensor.is_complex()]


def _flat(z: Tensor) -> Float[Tensor, "B N"]:
    return (torch.view_as_real(z) if z.is_complex() else z).reshape(len(z), -1)
