"""What a user can get wrong is an `InputError`: what was expected, what came, what to do."""
import difflib
from collections.abc import Iterable

__all__ = ["InputError", "suggest"]


class InputError(ValueError):
    """Something the caller gave cannot be used; the message says what was expected, what came and what to do."""


def suggest(name: str, known: Iterable[str]) -> str:
    """The end of an error about an unknown name: the nearest right ones, or all there are."""
    known = sorted(known)
    near = difflib.get_close_matches(name, known, 2, cutoff=0.5)
    if near:
        return f"; did you mean {' or '.join(map(repr, near))}?"
    return f"; known: {', '.join(known) or 'none'}"
