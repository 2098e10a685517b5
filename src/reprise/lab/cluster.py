"""Tasks on a Ray cluster: the same events as from processes of one machine, each task in a worker of its own."""
import importlib
import os
import threading
from collections.abc import Iterable, Iterator
from queue import SimpleQueue
from types import ModuleType
from typing import Any

from reprise.core.errors import InputError
from reprise.lab.workers import Event, Task, perform

__all__ = ["run_on_ray"]


def run_on_ray(tasks: Iterable[Task], jobs: int, preload: tuple[str, ...] = ()) -> Iterator[Event]:
    """The events of all tasks, at most `jobs` running at once; 0 leaves that to the cluster.

    The cluster is the one of `RAY_ADDRESS`, or one that runs on this machine, or a local one that ends with the tasks.
    Its machines must have reprise installed; `preload` they do by themselves. A task needs one core, and a worker that
    dies takes its task alone with it. Raises InputError for fewer jobs than none, and where Ray is not installed or no
    cluster answers.
    """
    if jobs < 0:
        raise InputError(f"run_on_ray: expected 0 jobs or more at a time, got {jobs}")
    ray = _connect()
    stream = ray.remote(num_cpus=1, max_retries=0, max_calls=1, num_returns="streaming")(_perform)
    waiting, running = iter(tasks), {}
    try:
        while True:
            while (not jobs or len(running) < jobs) and (task := next(waiting, None)) is not None:
                running[stream.remote(task.work, task.arguments)] = task
            if not running:
                return
            for events in ray.wait(list(running), num_returns=1)[0]:
                event = _next(ray, events, running[events])
                if event.kind != "report":
                    del running[events]
                yield event
    finally:
        for events in running:
            ray.cancel(events, force=True)
        ray.shutdown()


def _connect() -> ModuleType:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is told to anybody outside
    if "RAY_ADDRESS" in os.environ:
        os.environ.setdefault("RAY_NUM_REDIS_GET_RETRIES", "1")  # of half a minute each; it would try twenty times
    try:
        ray = importlib.import_module("ray")
    except ImportError as error:
        raise InputError("Ray is not installed: pip install 'reprise[ray]', or use --engine processes") from error
    quiet: dict[str, Any] = {"include_dashboard": False, "log_to_driver": False, "logging_level": "error"}
    try:
        ray.init(**quiet)  # a cluster that is there, or a local one of all cores
    except ConnectionError as error:
        raise InputError(f"no Ray cluster answers ({str(error).splitlines()[0]}); check RAY_ADDRESS") from error
    return ray


def _perform(work: Any, arguments: tuple) -> Iterator[tuple[str, Any]]:
    """In the worker: what is told comes from a thread, so that it arrives while the work goes on."""
    told: SimpleQueue = SimpleQueue()
    threading.Thread(target=_tell, args=(work, arguments, told), daemon=True).start()
    kind = "report"
    while kind == "report":
        kind, value = told.get()
        yield kind, value


def _tell(work: Any, arguments: tuple, told: SimpleQueue) -> None:
    try:
        perform(work, arguments, told.put)
    except SystemExit as error:  # which would end this thread without a word
        told.put(("failed", f"ended with code {error.code}"))


def _next(ray: ModuleType, events: Any, task: Task) -> Event:
    try:
        return Event(task, *ray.get(next(events)))
    except (ray.exceptions.RayError, StopIteration) as error:  # its worker ended, or what it gave cannot be sent
        cause = getattr(error, "cause", None) or error
        return Event(task, "failed", f"{type(cause).__name__}: {cause}".partition("\n")[0])
