"""Which implementation runs: each operation names its own, and `choose` says which one it would be."""
from collections.abc import Mapping

from torch import Tensor

from reprise.core.errors import InputError, suggest

__all__ = ["choose"]


def choose(operation: str, backends: Mapping, like: Tensor, wanted: str = "auto") -> str:
    """The backend's name. Auto: the definition for one step, else the last named that is there for the device.

    `like` is the operation's main input, (B T ...). Backends are named slowest first.
    """
    if wanted == "auto":
        return "reference" if like.shape[1] == 1 else list(backends)[-1]
    if wanted not in backends:
        raise InputError(f"{operation}: no backend is named {wanted!r}{suggest(wanted, ['auto', *backends])}")
    return wanted
