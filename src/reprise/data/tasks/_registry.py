"""Tasks by name."""
import inspect
from typing import Any

from reprise.core.errors import InputError, suggest
from reprise.core.registry import Registry
from reprise.data.tasks._task import Task

__all__ = ["create_task", "list_tasks"]

TASKS = Registry("task", ["reprise.data.tasks"])


def create_task(name: str, **options: Any) -> Task:
    """A registered task. Raises InputError for an unknown name and for options that do not fit."""
    task = TASKS.get(name)
    known = inspect.signature(task).parameters
    for option in options:
        if option not in known:
            raise InputError(f"{name} has no option {option!r}{suggest(option, known)}")
    return task(**options)


def list_tasks(pattern: str = "*") -> list[str]:
    """The names of all tasks that match."""
    return TASKS.names(pattern)
