"""Kernels as operations of torch's, which compile and differentiate.

As `torch.library.custom_op` makes them; but that imports torch._dynamo, a second's work, at the first call of any.
"""
import inspect
from collections.abc import Callable
from typing import Any

import torch

__all__ = ["CustomOp", "custom_op"]


class CustomOp:
    """`function` under a name such as "reprise::scan": annotated, changing no argument, returning new tensors."""

    def __init__(self, name: str, function: Callable):
        self.name = name
        function = inspect.unwrap(function)  # where tests check shapes, all is wrapped
        torch.library.define(name, torch.library.infer_schema(function, mutates_args=()))
        torch.library.impl(name, "CompositeExplicitAutograd", function)
        space, _, kind = name.partition("::")
        self.call = getattr(getattr(torch.ops, space), kind).default

    def __call__(self, *arguments: Any) -> Any:
        return self.call(*arguments)

    def register_fake(self, function: Callable) -> Callable:
        """What it returns but for the numbers."""
        torch.library.register_fake(self.name, function)
        return function

    def register_autograd(self, backward: Callable, *, setup_context: Callable) -> None:
        torch.library.register_autograd(self.name, backward, setup_context=setup_context)


def custom_op(name: str) -> Callable[[Callable], CustomOp]:
    """The decorator."""
    return lambda function: CustomOp(name, function)
