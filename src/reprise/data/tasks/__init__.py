"""Synthetic tasks, a file each: sequences made on the fly, and what is to be said at each step."""
from reprise.data.tasks._registry import create_task, list_tasks

__all__ = ["create_task", "list_tasks"]
