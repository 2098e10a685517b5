"""2 ** x for loops that Numba vectorises: cheaper than e ** x by a fifth, and as good with log2(e) in the rate."""
import inspect

import numba
import numpy as np
from numba.extending import overload

__all__ = ["exp2"]


def exp2(x):
    """2 ** x, inside a kernel: in float32 a polynomial, eight or sixteen at a time; there nothing is below 2**-126."""
    return np.exp2(x)


@overload(exp2, jit_options={"fastmath": {"contract"}})
def _(x):
    return inspect.unwrap(exp2_float32) if x == numba.float32 else lambda x: np.exp2(x)


LOW, HIGH, SHIFT, ONE = np.float32([-126, 127, 1.5 * 2**23, 1])  # adding SHIFT leaves a whole number in the last bits
SERIES = np.float32([0.69314718, 0.240226477, 0.0555033237, 0.00961843692, 0.00133988750, 0.000153533590])
c1, c2, c3, c4, c5, c6 = SERIES  # of (2^f - 1) / f for |f| <= 1/2, the largest error least: 2e-9


def exp2_float32(x):
    x = min(max(x, LOW), HIGH)  # this way round, NaN stays NaN, in one instruction each
    whole = x + SHIFT
    f = x - (whole - SHIFT)
    near = f * (((((c6 * f + c5) * f + c4) * f + c3) * f + c2) * f + c1) + ONE
    exponent = np.float32(whole).view(np.int32) << np.int32(23)
    return np.int32(np.float32(near).view(np.int32) + exponent).view(np.float32)
