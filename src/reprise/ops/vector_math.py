"""How kernels are compiled, and exp, tanh and the like for loops that Numba vectorises, to the last digits.

Numba's own call the C library for one number at a time: ten to twenty times as long. Here exp(x) = 2^n e^r with
|r| <= ln(2) / 2: e^r by its Taylor series, 2^n put together from its bits. Errors stay near 2 units in the last place.
"""
import inspect
import math
from collections.abc import Callable
from numbers import Real

import numba
import numpy as np
from numba.extending import overload

__all__ = ["compiled", "copy", "exp", "fill", "log_sigmoid", "part", "sigmoid", "tanh"]

# "contract" lets a product and a sum become one instruction; any more would undo the rounding trick below
HOW = {"nogil": True, "fastmath": {"contract"}, "error_model": "numpy"}
IN_ANY_ORDER = HOW | {"fastmath": {"contract", "reassoc"}}


def compiled(kernel: Callable, any_order: bool = False) -> Callable:
    """Compiled at its first call, and kept on disk for as long as its own file stays as it is.

    any_order: sums may be taken in any, so that a sum along a row becomes wide.
    Numba does not look at the files of what a kernel calls: who changes those deletes `__pycache__/*.nb?`.
    """
    how = IN_ANY_ORDER if any_order else HOW
    return numba.njit(inspect.unwrap(kernel), cache=True, **how)  # unwrap: where tests check shapes, all is wrapped


def part(function: Callable) -> Callable:
    """Compiled into the kernels that call it, and kept with them."""
    return numba.njit(inspect.unwrap(function), **HOW)


def exp(x: Real) -> Real:
    """e ** x, inside a kernel; zero below -87 in float32 (-708 in float64), and beyond 87 (708) as there: finite."""
    return math.exp(x)


def log_sigmoid(x: Real) -> Real:
    """log(1 / (1 + exp(-x))), inside a kernel."""
    return min(x, 0) - math.log1p(math.exp(-abs(x)))


def sigmoid(x: Real) -> Real:
    """1 / (1 + exp(-x)), inside a kernel."""
    return 1 / (1 + math.exp(-x))


def tanh(x: Real) -> Real:
    """The hyperbolic tangent, inside a kernel."""
    return math.tanh(x)


def _power(real: type, whole: type, terms: int, upper: float, lower: float) -> Callable:
    """For one type of number: its integers, terms of the series, ln(2) in two parts."""
    digits = np.finfo(real).nmant
    zero_exponent = whole(np.finfo(real).maxexp - 1 << digits)
    shifter, per_octave, shift = real(1.5 * 2**digits), real(1 / math.log(2)), whole(digits)
    upper, lower = real(upper), real(lower)
    series = tuple(real(1 / math.factorial(k)) for k in range(terms, 0, -1))

    @part
    def power(x):
        """2^n and e^r - 1 of exp(x)."""
        shifted = x * per_octave + shifter  # rounds to a whole number, whose bits are now the lowest ones
        n = shifted - shifter
        r = x - n * upper - n * lower
        total = series[0]
        for k in range(1, terms):
            total = total * r + series[k]
        scale = whole(whole(real(shifted).view(whole) << shift) + zero_exponent)
        return whole(scale).view(real), total * r

    return power


def _functions(real: type, power: Callable, terms: int, limit: float) -> dict[str, Callable]:
    """All for one type of number: its `power`, terms of the series of a logarithm, the largest exponent."""
    limit, far, zero, half, one, two = (real(v) for v in (limit, 44, 0, 0.5, 1, 2))
    odd = tuple(real(2 / k) for k in range(2 * terms - 1, 0, -2))

    @part
    def exp(x):
        near = limit if x > limit else x  # this way round, NaN stays NaN
        near = -limit if near < -limit else near
        scale, rest = power(near)
        return zero if x < -limit else scale + scale * rest

    @part
    def log_sigmoid(x):
        small = exp(-abs(x))
        z = small / (two + small)  # log(1 + small) = 2 artanh(z) = 2 z + 2 z^3 / 3 + ..., and z is a third at most
        square, total = z * z, odd[0]
        for k in range(1, len(odd)):
            total = total * square + odd[k]
        return (x if x < 0 else zero) - total * z

    @part
    def sigmoid(x):
        return one / (one + exp(-x))

    @part
    def tanh(x):
        size = abs(x)
        scale, rest = power(far if size > far else two * size)
        less_one = (scale - one) + scale * rest  # exp(2x) - 1, exact to the last digits near zero too
        rate = one / (less_one + two)
        size = less_one * rate if size < half else one - two * rate  # 1 - tanh^2 wants its last digit near one
        return -size if x < 0 else size

    return {"exp": exp, "log_sigmoid": log_sigmoid, "sigmoid": sigmoid, "tanh": tanh}


KINDS = {
    numba.float32: _functions(np.float32, _power(np.float32, np.int32, 7, 0.693359375, -2.12194440e-4), 9, 87.0),
    numba.float64: _functions(
        np.float64, _power(np.float64, np.int64, 13, 6.93145751953125e-1, 1.42860682030941723212e-6), 16, 708.0),
}


@overload(exp)
def _exp(x):
    function = KINDS[x]["exp"]
    return lambda x: function(x)


@overload(log_sigmoid)
def _log_sigmoid(x):
    function = KINDS[x]["log_sigmoid"]
    return lambda x: function(x)


@overload(sigmoid)
def _sigmoid(x):
    function = KINDS[x]["sigmoid"]
    return lambda x: function(x)


@overload(tanh)
def _tanh(x):
    function = KINDS[x]["tanh"]
    return lambda x: function(x)


@part
def copy(source: np.ndarray, target: np.ndarray) -> None:
    """`target[: len(source)] = source`, which takes Numba a second to compile, for the sake of an error message."""
    for j in range(len(source)):
        target[j] = source[j]


@part
def fill(target: np.ndarray, value: Real) -> None:
    """`target[:] = value`, likewise."""
    for j in range(len(target)):
        target[j] = value
