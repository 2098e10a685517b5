"""The constructor is the configuration."""
import inspect
from typing import Any, ClassVar

__all__ = ["Configured"]


class Configured:
    """Keeps what the constructor was given, defaults included, as `options`: `type(m)(**m.options)` is built alike."""

    options: dict[str, Any]
    ways: ClassVar[frozenset[str]] = frozenset()  # those that say how it is computed, and change nothing else

    def __new__(cls, *args: Any, **kwargs: Any):
        made = super().__new__(cls)
        made.__dict__["options"] = _bound(cls, args, kwargs)
        return made


def _bound(cls: type, args: tuple, kwargs: dict[str, Any]) -> dict[str, Any]:
    """Arguments by name; nothing where they do not fit, which `__init__` says better (copying calls with none)."""
    try:
        given = inspect.signature(cls.__init__).bind(None, *args, **kwargs)
    except TypeError:
        return {}
    given.apply_defaults()
    return dict(list(given.arguments.items())[1:])
