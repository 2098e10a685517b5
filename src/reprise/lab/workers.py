"""Tasks in processes of their own, a few at a time: each begins afresh, reports as it goes, and may die alone."""
import contextlib
import multiprocessing
import signal
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any, Literal

from reprise.core.errors import InputError

__all__ = ["Event", "Task", "perform", "run_tasks"]

Report = Callable[[Any], None]  # a task calls it with anything worth telling before it is done


@dataclass(frozen=True)
class Task:
    """`work(*arguments, report)` in another process; all of it must survive the way there. `key` says which it is."""

    key: Any
    work: Callable[..., Any]
    arguments: tuple = ()


@dataclass(frozen=True)
class Event:
    """What a task said: a report, what it returned, or why it failed (one line)."""

    task: Task
    kind: Literal["report", "done", "failed"]
    value: Any


def run_tasks(tasks: Iterable[Task], jobs: int, preload: tuple[str, ...] = ()) -> Iterator[Event]:
    """The events of all tasks, at most `jobs` running at once, begun in the order given.

    `tasks` may be a generator: the next is asked for when there is room, so it can depend on the events before.
    preload: modules to import once, where the platform can hand them on to every process.
    Raises InputError for fewer jobs than one.
    """
    if jobs < 1:
        raise InputError(f"run_tasks: expected 1 job or more at a time, got {jobs}")
    context = multiprocessing.get_context("spawn" if sys.platform == "win32" else "forkserver")
    if sys.platform != "win32":
        context.set_forkserver_preload(list(preload))
    waiting, running = iter(tasks), {}
    try:
        while True:
            while len(running) < jobs and (task := next(waiting, None)) is not None:
                ours, theirs = context.Pipe(duplex=False)
                process = context.Process(target=_work, args=(theirs, task.work, task.arguments), daemon=True)
                process.start()
                theirs.close()
                running[ours] = task, process
            if not running:
                return
            for connection in wait(list(running)):
                task, process = running[connection]
                event = _receive(connection, task, process)
                if event.kind != "report":
                    connection.close()
                    process.join()
                    del running[connection]
                yield event
    finally:
        for connection, (_, process) in running.items():
            process.kill()
            process.join()
            connection.close()


def _receive(connection: Connection, task: Task, process: Any) -> Event:
    try:
        return Event(task, *connection.recv())
    except (EOFError, OSError):  # it ended: before it said how, or in the midst of saying it
        process.join()
        return Event(task, "failed", _ending(process.exitcode))


def _ending(code: int) -> str:
    if code >= 0:
        return f"ended with code {code}"
    return f"killed by signal {-code}" + (" (out of memory?)" if code == -9 else "")


def _work(connection: Connection, work: Callable, arguments: tuple) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; whoever asked ends this process
    with contextlib.suppress(BrokenPipeError):  # whoever asked is gone
        perform(work, arguments, connection.send)


def perform(work: Callable, arguments: tuple, send: Callable[[tuple[str, Any]], object]) -> None:
    """Sends what `work` reports, and how it ended: every event but its task, whatever carries them."""
    try:
        value = work(*arguments, lambda said: send(("report", said)))
        send(("done", value))
    except BrokenPipeError:
        raise
    except Exception as error:  # whatever it is, the others go on and the reader is told
        place = traceback.extract_tb(error.__traceback__)[-1]
        said = f"{type(error).__name__}: {error}".partition("\n")[0]
        send(("failed", f"{said} ({place.filename.rpartition('/')[2]}:{place.lineno})"))
