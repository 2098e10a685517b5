"""`key=value` from a command line, onto a frozen dataclass: existence and type checked."""
import ast
import dataclasses
from collections.abc import Sequence
from typing import Any, TypeVar

from reprise.core.errors import InputError, suggest

__all__ = ["override"]

Config = TypeVar("Config")


def override(config: Config, settings: Sequence[str]) -> Config:
    """The same configuration with some fields set: `override(Config(), ["seeds=5", "lengths=(10, 50)"])`.

    A text needs no quotes, and one value stands for a tuple of one. Raises InputError for what no field is or takes.
    """
    known = {field.name: getattr(config, field.name) for field in dataclasses.fields(config)}
    changes = {}
    for setting in settings:
        name, sign, text = setting.partition("=")
        if not sign:
            raise InputError(f"{setting!r}: expected key=value, such as {_example(known)}")
        if name not in known:
            raise InputError(f"{setting!r}: no setting is named {name!r}{suggest(name, known)}")
        changes[name] = _read(setting, text, known[name])
    return dataclasses.replace(config, **changes)


def _read(setting: str, text: str, default: Any) -> Any:
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        value = tuple(text.split(",")) if isinstance(default, tuple) else text
    if isinstance(default, tuple):
        value = value if isinstance(value, tuple) else (value,)
        if default and not all(_fits(part, default[0]) for part in value):
            raise InputError(f"{setting!r}: expected values like {default[0]!r}, with commas")
        return tuple(_like(part, default[0]) for part in value) if default else value
    if isinstance(default, str) and not isinstance(value, str):
        return text  # that would be another value elsewhere: 5, None
    if not _fits(value, default):
        raise InputError(f"{setting!r}: expected a {type(default).__name__} like {default!r}")
    return _like(value, default)


def _like(value: Any, default: Any) -> Any:
    """A whole number where others have a point: 1 and 1.0 are one setting."""
    return float(value) if isinstance(default, float) else value


def _fits(value: Any, default: Any) -> bool:
    if isinstance(value, bool) or isinstance(default, bool):
        return isinstance(value, bool) and isinstance(default, bool)
    return isinstance(value, int | float if isinstance(default, float) else type(default))


def _example(known: dict[str, Any]) -> str:
    name, value = next(iter(known.items()))
    return f"{name}={value!r}"
