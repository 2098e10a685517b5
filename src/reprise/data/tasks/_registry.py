"""Tasks by name."""
from typing import Any

from reprise.core.registry import Registry
from reprise.data.tasks._task import Task

__all__ = ["create_task", "list_tasks"]

TASKS = Registry("task", ["reprise.data.tasks"])


def create_task(name: str, **options: Any) -> Task:
    """A registered task. Raises InputError for an unknown name and for options that do not fit."""
    return TASKS.get(name)(**options)


def list_tasks(pattern: str = "*") -> list[str]:
    """The names of all tasks that match."""
    return TASKS.names(pattern)
