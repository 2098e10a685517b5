"""Finding where a number stopped being one."""
import contextlib
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from reprise.core.errors import InputError
from reprise.core.layer import SequenceLayer
from reprise.core.state import named_tensors

__all__ = ["NonFinite", "bad_gradient", "bad_value", "bad_weight"]


class NonFinite(InputError):
    """Numbers that are not finite, found before they do harm: at `step`, and `where` they first show."""

    def __init__(self, step: int, where: str, remedy: str):
        super().__init__(f"step {step}: not finite: {where}; {remedy}")
        self.step, self.where = step, where


def bad_weight(model: nn.Module) -> str | None:
    """The first parameter with a value that is not finite, in words."""
    for name, parameter in model.named_parameters():
        if not bool(torch.isfinite(parameter).all()):
            return f"parameter {name!r}"
    return None


@torch.no_grad()
def bad_value(model: nn.Module, batch: Any, state: Any, run: Callable[[], object]) -> str:
    """Where a forward pass first meets a value that is not finite: in the weights, the input, the state or a layer.

    run: repeats the pass; it may use other dropout, in which case the place can stay unknown.
    """
    return (bad_weight(model) or _bad_input(batch) or _bad_state(state) or _bad_output(model, run)
            or "the loss, though every layer's output is finite")


def bad_gradient(model: nn.Module) -> str:
    """The first parameter that the backward pass reached with a gradient that is not finite, in words."""
    gradients = [(name, p.grad) for name, p in model.named_parameters() if p.grad is not None]
    for name, gradient in reversed(gradients):  # backward runs from the last layer to the first
        if not bool(torch.isfinite(gradient).all()):
            return f"the gradient of parameter {name!r}"
    name, _ = max(gradients, key=lambda pair: pair[1].abs().max().item(), default=("none", None))
    return f"the norm of the gradient, largest in parameter {name!r}"


def _bad_input(batch: Any) -> str | None:
    names = getattr(batch, "_fields", range(len(batch)))
    given = [(str(name), part) for name, part in zip(names, batch, strict=True) if part is not None]
    for name, tensor in (pair for at, part in given for pair in named_tensors(part, at)):
        if not bool(torch.isfinite(tensor).all()):
            return f"the batch, {name}{_place(tensor, ~torch.isfinite(tensor))}"
    return None


def _bad_state(state: Any) -> str | None:
    for name, tensor in named_tensors(() if state is None else state):
        if bool(torch.isnan(tensor).any()):  # an infinity can be right: a running maximum begins with one
            return f"the carried state, {name}{_place(tensor, torch.isnan(tensor))}"
    return None


def _bad_output(model: nn.Module, run: Callable[[], object]) -> str | None:
    found: list[str] = []

    def look(layer: str, output: Any) -> None:
        y = output[0] if isinstance(output, tuple) and output else output  # without the state that follows it
        if not found and isinstance(y, Tensor) and not bool(torch.isfinite(y).all()):
            found.append(f"the output of layer {layer}{_place(y, ~torch.isfinite(y))}")

    with contextlib.ExitStack() as undo:
        for name, module in model.named_modules():
            _watch(module, partial(look, f"{name!r} ({type(module).__name__})"), undo)
        run()
    return next(iter(found), None)


def _watch(module: nn.Module, look: Callable[[Any], None], undo: contextlib.ExitStack) -> None:
    """Shows `look` every output, also of `run`, which a stack calls without the hooks of `forward`."""
    undo.callback(module.register_forward_hook(lambda _, __, output: look(output)).remove)
    if isinstance(module, SequenceLayer):
        module.run = _shown(module.run, look)
        undo.callback(delattr, module, "run")


def _shown(f: Callable, look: Callable[[Any], None]) -> Callable:
    def shown(*arguments: Any) -> Any:
        output = f(*arguments)
        look(output)
        return output
    return shown


def _place(tensor: Tensor, bad: Tensor) -> str:
    """The first bad row, and step within it, of a tensor that has them."""
    first = bad.nonzero()[0].tolist()
    names = ("row", "time") if tensor.ndim > 2 or not tensor.is_floating_point() else ("row",)
    return "".join(f", {name} {index}" for name, index in zip(names, first))
