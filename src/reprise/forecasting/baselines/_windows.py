"""Windows before and after many origins at once."""
import numpy as np
from jaxtyping import Float64, Int64
from numpy.lib.stride_tricks import sliding_window_view

__all__ = ["windows_after", "windows_before"]


def windows_before(
    values: Float64[np.ndarray, " T"], origins: Int64[np.ndarray, " O"], length: int
) -> Float64[np.ndarray, "O L"]:
    """The last `length` values before each origin; where there are fewer, the first value is repeated before them."""
    padded = np.concatenate([np.full(length, values[0]), values])
    return sliding_window_view(padded, length)[origins]


def windows_after(
    values: Float64[np.ndarray, " T"], origins: Int64[np.ndarray, " O"], length: int
) -> Float64[np.ndarray, "O H"]:
    """The `length` values from each origin on."""
    return sliding_window_view(values, length)[origins]
