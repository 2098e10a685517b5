"""Which implementation runs: each operation names its own, and `choose` says which one it would be."""
import importlib.util
import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor

from reprise.core.errors import InputError, suggest

__all__ = [
    "FLA", "INSTALLED", "LANGUAGES", "NUMBA", "ON_CPU", "ON_GPU", "TRITON", "Kernel", "Language", "available", "choose",
    "library_takes", "prefer",
]


class Language(NamedTuple):
    """What kernels are written in, or come from, and what they take."""

    name: str
    package: str  # as Python imports it
    install: str  # as pip knows it
    device: str
    dtypes: tuple[torch.dtype, ...]
    automatic: bool = True  # chosen without being asked for


REALS, COMPLEX = (torch.float32, torch.float64), (torch.complex64, torch.complex128)
NUMBA = Language("Numba", "numba", "numba", "cpu", REALS)
TRITON = Language("Triton", "triton", "triton", "cuda", REALS)
FLA = Language("flash-linear-attention", "fla", "'fla-core[cuda]'", "cuda", (torch.float32,), automatic=False)
LANGUAGES = NUMBA, TRITON, FLA
INSTALLED = {one.package: importlib.util.find_spec(one.package) is not None for one in LANGUAGES}


class Kernel:
    """A backend that is not plain torch: `run` imports it, and with it its compiler, at the first call.

    By a statement of its own, which torch.compile can follow; a module looked up by name it cannot.
    """

    def __init__(self, run: Callable, language: Language = NUMBA, *, complex_too: bool = False):
        self.run = run
        self.language = language._replace(dtypes=language.dtypes + COMPLEX) if complex_too else language

    def obstacle(self, like: Tensor) -> str | None:
        """Why it cannot take this input, or None where it can.

        Triton's interpreter (TRITON_INTERPRET=1) takes tensors on the CPU: for tests, since it is very slow.
        """
        language = self.language
        interpreted = language.package == TRITON.package and os.environ.get("TRITON_INTERPRET") == "1"
        if like.dtype not in language.dtypes or not (like.device.type == language.device or interpreted):
            takes = ", ".join(str(d).removeprefix("torch.") for d in language.dtypes)
            return f"it takes {takes} on {language.device}"
        return None if INSTALLED[language.package] else f"pip install {language.install}"

    def suits(self, like: Tensor) -> bool:
        """Whether it may be chosen for this input without being asked for; warns where only the package is missing."""
        language = self.language
        if not language.automatic or like.device.type != language.device or like.dtype not in language.dtypes:
            return False
        if not INSTALLED[language.package]:
            warnings.warn(f"{language.name} is not installed: recurrences on {language.device} run in plain torch, "
                          f"which takes longer; pip install {language.install}", RuntimeWarning, stacklevel=3)
        return INSTALLED[language.package]

    def __call__(self, *arguments: Any) -> Any:
        return self.run(*arguments)


def choose(operation: str, backends: Mapping[str, Callable], like: Tensor, wanted: str = "auto") -> str:
    """The backend's name. Auto: the definition for one step, else the last named that suits such an input.

    `like` is the operation's main input (B T ...), in the memory's precision. Backends are named slowest first.
    Raises InputError for a backend that there is none of, or that cannot take this input.
    """
    if wanted == "auto":
        if like.shape[1] == 1:
            return "reference"
        if _preferred in backends and _obstacle(backends[_preferred], like) is None:
            return _preferred
        return next(name for name in reversed(backends) if _suits(backends[name], like))
    if wanted not in backends:
        raise InputError(f"{operation}: no backend is named {wanted!r}{suggest(wanted, ['auto', *backends])}")
    obstacle = _obstacle(backends[wanted], like)
    if obstacle is not None:
        raise InputError(
            f"{operation}: {wanted} cannot take {like.dtype} on {like.device}: {obstacle}; or use backend='auto'")
    return wanted


_preferred = "auto"


@contextmanager
def prefer(backend: str) -> Iterator[None]:
    """Within it every operation of this process runs by this backend, where it has it and the input allows.

    A single step stays the definition's, as ever unless a backend is asked for in the call itself.
    """
    global _preferred
    before, _preferred = _preferred, backend
    try:
        yield
    finally:
        _preferred = before


def available(backends: Mapping[str, Callable], like: Tensor) -> list[str]:
    """The names of those that can take such an input here, if only when asked for; slowest first."""
    return [name for name, backend in backends.items() if _obstacle(backend, like) is None]


def _suits(backend: Callable, like: Tensor) -> bool:
    return backend.suits(like) if isinstance(backend, Kernel) else True


def _obstacle(backend: Callable, like: Tensor) -> str | None:
    return backend.obstacle(like) if isinstance(backend, Kernel) else None


ON_CPU = {"cpu": torch.backends.mkldnn.is_available}  # oneDNN
ON_GPU = {"cuda": torch.backends.cudnn.is_available}


def library_takes(x: Tensor, weight: Tensor, where: Mapping[str, Callable[[], bool]]) -> bool:
    """Whether a library of torch's can take the whole layer of a cell, x (B T D) and all, on one of these devices.

    In float32 as it is, over more than one step, with a recurrent weight that is not by heads.
    """
    kind = x.device.type
    return (
        kind in where and not torch.compiler.is_compiling() and where[kind]()
        and x.device == weight.device and x.dtype == weight.dtype == torch.float32
        and not torch.is_autocast_enabled(kind) and weight.ndim == 2 and x.shape[1] > 1 and x.numel() > 0
    )
