"""How Triton's kernels are compiled, started and cut to size."""
import inspect
from collections.abc import Callable

import torch
import triton
from torch import Tensor

__all__ = ["compiled", "start", "width"]

WIDEST = 32  # columns of a tile: a full line of memory in float32


def compiled(kernel: Callable) -> Callable:
    """For the GPU, at its first call for each kind of argument."""
    return triton.jit(inspect.unwrap(kernel))  # unwrap: where tests check shapes, all is wrapped


def start(kernel: Callable, grid: tuple[int, ...], *arguments: object, **sizes: int | bool) -> None:
    """The kernel on a grid of programs, on the device of its first argument; complex numbers go as pairs of reals."""
    if 0 in grid:
        return
    with torch.cuda.device_of(arguments[0]):
        kernel[grid](*(_plain(z) if isinstance(z, Tensor) else z for z in arguments), **sizes,
                     enable_fp_fusion=True)


def width(columns: int) -> int:
    """How many columns a program takes: a power of two, as few as hold them all, or else `WIDEST`."""
    return min(WIDEST, triton.next_power_of_2(max(columns, 1)))


def _plain(z: Tensor) -> Tensor:
    return torch.view_as_real(z) if z.is_complex() else z
