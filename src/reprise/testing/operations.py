"""Every operation that has cases, found by looking, and one way to run any of them."""
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

import reprise.ops
from reprise.core.marks import Marks
from reprise.core.state import map_state, named_tensors
from reprise.ops.backend import available
from reprise.ops.case import Case

__all__ = [
    "LONG", "backends_of", "call", "cases_of", "distinct", "evaluate", "fast_cases", "home_of", "list_operations",
    "operation", "usual_case",
]

LONG = 65536  # steps of the case that only has to stay finite: a loop would take too long


def list_operations() -> list[str]:
    """The names of all operations: folders of `reprise.ops` with cases."""
    return sorted(p.parent.name for p in Path(reprise.ops.__path__[0]).glob("*/cases.py"))


def home_of(name: str) -> ModuleType:
    """Where the operation of this name lives, with its `plan` and its BACKENDS."""
    return import_module(f"reprise.ops.{name}")


def backends_of(name: str) -> list[str]:
    """The operation's backends that can run on the CPU of this machine."""
    return available(home_of(name).BACKENDS, torch.empty(0, 0, dtype=torch.float64))


def operation(name: str) -> Callable:
    """The operation of this name, to be called."""
    return getattr(home_of(name), name)


def cases_of(name: str) -> list[Case]:
    """The operation's sample inputs."""
    return list(import_module(f"reprise.ops.{name}.cases").cases())


def usual_case(name: str, T: int) -> Case:
    """The operation's input as a layer would give it, for benchmarks."""
    return import_module(f"reprise.ops.{name}.cases").usual(T)


def fast_cases() -> Iterator[tuple[str, str, Case]]:
    """Operation, backend other than the definition, and each case that the definition can afford."""
    for name in list_operations():
        for backend in backends_of(name):
            if backend != "reference":
                yield from ((name, backend, case) for case in cases_of(name) if case.name != f"T{LONG}")


def call(run: Callable, arguments: tuple, marks: Marks, backend: str, **options: Any) -> tuple[Any, Any]:
    """What an operation reads at every real step (zero at padding, where it is free), and its last state."""
    read, state = run(*arguments, marks, backend=backend, **options)
    return map_state(lambda r: marks.pad(r, 0.0), read), state


def evaluate(name: str, case: Case, backend: str, arguments: tuple | None = None) -> dict[str, Tensor]:
    """By name: what is read, the last state, and the gradients of all arguments (the case's own, unless given).

    Where an argument is one tensor expanded, its gradient is in that one.
    """
    given = arguments or case.arguments()
    once = map_state(lambda x: distinct(x).clone().requires_grad_(), given)
    arguments = map_state(lambda leaf, x: leaf.expand(x.shape), once, given)
    found = dict(named_tensors(call(operation(name), arguments, case.marks, backend, **case.options), "result"))
    draw = torch.Generator().manual_seed(1)
    read = map(_real, found.values())
    loss = sum((z * torch.randn(z.shape, generator=draw, dtype=z.dtype).to(z.device)).sum() for z in read)
    leaves = dict(named_tensors(once, "gradient"))
    grads = torch.autograd.grad(loss, list(leaves.values()), allow_unused=True, materialize_grads=True)
    return found | dict(zip(leaves, grads, strict=True))


def distinct(x: Tensor) -> Tensor:
    """Its numbers without those that `expand` repeats: kernels take those once, and so does a gradient."""
    return x.detach()[tuple(slice(0, 1) if stride == 0 else slice(None) for stride in x.stride())]


def _real(z: Tensor) -> Tensor:
    return torch.view_as_real(z) if z.is_complex() else z
