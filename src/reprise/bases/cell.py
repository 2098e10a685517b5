"""Nonlinear recurrence: the next memory is any function of the last."""
import inspect
from abc import abstractmethod
from collections.abc import Callable
from functools import wraps
from typing import Any, ClassVar

from reprise.bases.recurrent import Recurrent
from reprise.core.errors import InputError, suggest
from reprise.ops.newton_scan import Newton, newton_scan
from reprise.ops.unroll import unroll

__all__ = ["Cell", "Solver"]

Solver = str | tuple | list | None  # "newton", or ("newton", options): a list once it has been JSON


class Cell(Recurrent):
    """The author writes `advance`, and in `project` whatever part of the work needs no memory.

    A cell with a fused operation of its own overrides `recur` to call it; `advance` stays its definition.

    Every cell's constructor takes one more keyword, which authors need not write: `solver="newton"` evaluates all steps
    at once by Newton's iteration on `advance` (ops/newton_scan), `solver=("newton", {"jacobian": "diagonal"})` with
    options, None step by step. The function is the same, and so are parameters and states. One step needs no solver,
    and under torch.compile, which cannot see when an iteration is done, `recur` runs.
    """

    memory_precision = None  # parameters multiply the memory, so it has theirs
    ways = frozenset({"solver"})
    solver: Newton | None = None
    unit_parts: ClassVar[tuple[str, ...] | None] = None  # fields of the memory that hold its units; None: all of them

    def __init_subclass__(cls, **options: Any):
        super().__init_subclass__(**options)
        if "solver" not in inspect.signature(cls.__init__).parameters:
            cls.__init__ = _with_solver(cls.__init__)

    def project(self, *seen):
        return seen[-1]

    @abstractmethod
    def advance(self, p: Any, memory: Any) -> Any:
        """The memory one step later; `p` is what `project` gave for this step."""

    def emit(self, memory: Any) -> Any:
        """The part of the memory that `readout` reads, kept for every step: all of it, unless it is large."""
        return memory

    def recur(self, p, memory, marks):
        return unroll(self.advance, p, memory, marks, start=self.initial_memory(1), emit=self.emit)

    def through_time(self, p, memory, marks):
        if self.solver is None:
            return self.recur(p, memory, marks)
        read, memory, _ = newton_scan(
            self.advance, p, memory, marks, start=self.initial_memory(1), emit=self.emit, newton=self.solver,
            loop=self.recur)
        return read, memory


def _with_solver(build: Callable) -> Callable:
    """The constructor with the keyword `solver`, which its signature shows and `options` records."""
    @wraps(build)
    def build_and_choose(self, *args: Any, solver: Solver = None, **options: Any):
        build(self, *args, **options)
        self.solver = _chosen(type(self).__name__, solver)

    own = inspect.signature(build)
    keyword = inspect.Parameter("solver", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Solver)
    build_and_choose.__signature__ = own.replace(parameters=[*own.parameters.values(), keyword])
    build_and_choose.__annotations__ = {**build.__annotations__, "solver": Solver}
    return build_and_choose


def _chosen(layer: str, solver: Solver) -> Newton | None:
    match solver:
        case None:
            return None
        case "newton":
            return Newton()
        case "newton", dict() as options:
            known = inspect.signature(Newton).parameters
            if unknown := [name for name in options if name not in known]:
                raise InputError(f"{layer}: newton has no option {unknown[0]!r}{suggest(unknown[0], known)}")
            return Newton(**options)
    raise InputError(f"{layer}: expected a solver as 'newton', as ('newton', {{'jacobian': 'diagonal'}}) or None, "
                     f"got {solver!r}")
