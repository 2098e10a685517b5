"""What a user can get wrong is an `InputError`: what was expected, what came, what to do."""
import difflib
import importlib
from collections.abc import Iterable
from types import ModuleType

__all__ = ["InputError", "check_counts", "need", "suggest"]


class InputError(ValueError):
    """Something the caller gave cannot be used; the message says what was expected, what came and what to do."""


def suggest(name: str, known: Iterable[str]) -> str:
    """The end of an error about an unknown name: the nearest right ones, or all there are."""
    known = sorted(known)
    spelt = {_plain(k): k for k in known}
    near = difflib.get_close_matches(_plain(name), spelt, 2, cutoff=0.5)
    if near:
        return f"; did you mean {' or '.join(repr(spelt[n]) for n in near)}?"
    return f"; known: {', '.join(known) or 'none'}"


def check_counts(who: str, **counts: int | None) -> None:
    """Raises InputError for an option of `who` that is no whole number of 1 or more; None means: left to a default."""
    for name, count in counts.items():
        if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 1):
            raise InputError(f"{who}: expected {name} of 1 or more, got {count!r}; try {name}=1")


def need(module: str, extra: str) -> ModuleType:
    """A module of a package that only an extra brings. Raises InputError, with what to install, where it is absent."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise InputError(f"this needs {module.partition('.')[0]}, which is not installed (or not whole: {error}); "
                         f"pip install 'reprise[{extra}]'") from error


def _plain(name: object) -> str:
    """A name without what people spell differently: GRU, RG-LRU, Gated DeltaNet."""
    return str(name).lower().translate({ord(c): None for c in "-_ "})
