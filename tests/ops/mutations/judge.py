"""Puts a change in place of a function's code, and says which check notices, if any."""
import ast
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FunctionType
from typing import NamedTuple

from mutants import Mutant

__all__ = ["Form", "Judge", "apart", "broken"]


class Endless(RuntimeError):
    """A broken kernel that does not come back."""


class Form(NamedTuple):
    """A function that runs, and what was done to its source before it was compiled."""

    function: FunctionType
    prepare: Callable[[ast.Module], ast.Module] = lambda tree: tree


@contextmanager
def broken(forms: list[Form], mutant: Mutant) -> Iterator[None]:
    """Other code in the same functions, which are all forms of one: whoever calls them meets the change."""
    whole = [form.function.__code__ for form in forms]
    for function, prepare in forms:
        there = dict(function.__globals__)  # its arguments may be annotated
        tree = ast.fix_missing_locations(prepare(ast.Module([mutant.tree()], [])))
        exec(compile(tree, function.__code__.co_filename, "exec"), there)
        function.__code__ = there[mutant.function.name].__code__
    try:
        yield
    finally:
        for form, code in zip(forms, whole, strict=True):
            form.function.__code__ = code


class Judge:
    """What must hold, that which takes least first."""

    def __init__(self, checks: dict[str, Callable[[], None]], patience: float = 2.0):
        """patience: seconds more than unbroken (times 20), until a loop counts as endless.

        Raises AssertionError where something does not hold as the functions are.
        """
        self.checks, self.patience = [], patience
        for name, check in checks.items():
            begin = time.process_time()
            check()
            self.checks.append((time.process_time() - begin, name, check))
        self.checks.sort(key=lambda each: each[0])

    def verdict(self) -> str:
        """The first that does not hold now, and how: that it is wrong, or what it raised; nothing where all hold."""
        for cost, name, check in self.checks:
            try:
                with _limit(self.patience + 20 * cost):
                    check()
            except AssertionError as error:
                return f"{name}: wrong: {error}"
            except Exception as error:  # whatever a broken function may do, it did not do its work
                return f"{name}: {type(error).__name__}: {error}"
        return ""


def apart(verdict: Callable[[], str]) -> str:
    """The verdict of a copy of this process: one that reads or writes where there is nothing takes no other down."""
    ours, theirs = os.pipe()
    child = os.fork()
    if not child:
        os.write(theirs, verdict().encode()[:1000])
        os._exit(0)
    os.close(theirs)
    with os.fdopen(ours, "rb") as told:
        found = told.read().decode(errors="replace")
    _, status = os.waitpid(child, 0)
    return f"crashed: {status}" if status else found


@contextmanager
def _limit(seconds: float) -> Iterator[None]:
    def stop(*_: object) -> None:
        raise Endless(f"not done after {seconds:.1f} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
