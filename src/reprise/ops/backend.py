"""Which implementation runs: each operation names its own, and `choose` says which one it would be."""
import importlib.util
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from reprise.core.errors import InputError, suggest

__all__ = ["Kernel", "choose"]

NUMBA = importlib.util.find_spec("numba") is not None
MISSING = ("Numba is not installed: recurrences on the CPU run in plain torch, several times slower; "
           "pip install numba")
FLOATS = (torch.float32, torch.float64, torch.complex64, torch.complex128)


class Kernel:
    """A backend in Numba: `run` imports it, and with it the compiler, at the first call."""

    def __init__(self, run: Callable):
        self.run = run

    def serves(self, like: Tensor) -> bool:
        """Whether it can take this input: on the CPU, in a precision of its own, with Numba there."""
        if like.device.type != "cpu" or like.dtype not in FLOATS:
            return False
        if not NUMBA:
            warnings.warn(MISSING, RuntimeWarning, stacklevel=2)
        return NUMBA

    def __call__(self, *arguments: Any) -> Any:
        return self.run(*arguments)


def choose(operation: str, backends: Mapping[str, Callable], like: Tensor, wanted: str = "auto") -> str:
    """The backend's name. Auto: the definition for one step, else the last named that serves such an input.

    `like` is the operation's main input (B T ...), in the memory's precision. Backends are named slowest first.
    Raises InputError for a backend that there is none of, or that cannot take this input.
    """
    if wanted == "auto":
        if like.shape[1] == 1:
            return "reference"
        return next(name for name in reversed(backends) if _serves(backends[name], like))
    if wanted not in backends:
        raise InputError(f"{operation}: no backend is named {wanted!r}{suggest(wanted, ['auto', *backends])}")
    if not _serves(backends[wanted], like):
        raise InputError(f"{operation}: {wanted} cannot take {like.dtype} on {like.device}; use backend='auto'")
    return wanted


def _serves(backend: Callable, like: Tensor) -> bool:
    return backend.serves(like) if isinstance(backend, Kernel) else True
