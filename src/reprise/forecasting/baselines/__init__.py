"""What a model has to beat: a method a file, with an honest word on what it does."""
from typing import Any

from reprise.core.registry import Registry
from reprise.forecasting.method import Method

__all__ = ["create_baseline", "list_baselines"]

BASELINES = Registry("baseline", ["reprise.forecasting.baselines"])


def list_baselines(pattern: str = "*") -> list[str]:
    """The names `create_baseline` knows that fit a pattern such as "auto*"."""
    return BASELINES.names(pattern)


def create_baseline(name: str, options: dict[str, Any] | None = None) -> Method:
    """A baseline, not yet fitted; `options` are those of its constructor.

    Raises InputError for an unknown name, with the nearest one.
    """
    return BASELINES.get(name)(**(options or {}))
