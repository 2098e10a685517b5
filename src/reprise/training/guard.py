"""Finding where a number stopped being one."""
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from reprise.core.errors import InputError
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
    for name, tensor in named_tensors(batch):
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

    def look(name: str) -> Callable:
        def hook(module: nn.Module, _: object, output: Any) -> None:
            y = next(_outputs(output), None)
            if not found and y is not None and not bool(torch.isfinite(y).all()):
                kind = type(module).__name__
                found.append(f"the output of layer {name!r} ({kind}){_place(y, ~torch.isfinite(y))}")
        return hook

    handles = [module.register_forward_hook(look(name)) for name, module in model.named_modules()]
    try:
        run()
    finally:
        for handle in handles:
            handle.remove()
    return next(iter(found), None)


def _outputs(output: Any) -> Iterator[Tensor]:
    """The output proper: what comes before the state."""
    first = output[0] if isinstance(output, tuple | list) and output else output
    if isinstance(first, Tensor):
        yield first


def _place(tensor: Tensor, bad: Tensor) -> str:
    """The first bad row, and step within it, of a tensor that has them."""
    first = bad.nonzero()[0].tolist()
    names = ("row", "time") if tensor.ndim > 2 or not tensor.is_floating_point() else ("row",)
    return "".join(f", {name} {index}" for name, index in zip(names, first))
