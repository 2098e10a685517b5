"""What a program computes for every element: numbers in memory, looked at through strides, and functions of them."""
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["Apply", "Expression", "Load", "broadcast", "layout_like", "loads", "map_loads", "shape_of"]


class Load(NamedTuple):
    """An element of a buffer, wherever the loop stands."""

    buffer: int
    layout: Tensor  # without numbers (on meta): shape, strides, offset and type

    @property
    def dtype(self) -> torch.dtype:
        return self.layout.dtype


class Apply(NamedTuple):
    """A function of expressions of one shape, and of plain numbers."""

    function: str
    arguments: tuple["Expression | bool | int | float", ...]
    dtype: torch.dtype


Expression = Load | Apply


def layout_like(z: Tensor) -> Tensor:
    """The shape and strides of `z`, from an offset of zero."""
    return torch.empty_strided(z.shape, z.stride(), dtype=z.dtype, device="meta")


def loads(e: object) -> Iterator[Load]:
    """Everything that is read."""
    if isinstance(e, Load):
        yield e
    elif isinstance(e, Apply):
        for argument in e.arguments:
            yield from loads(argument)


def map_loads(view: Callable[[Tensor], Tensor], e: Expression) -> Expression:
    """The same function of other views: what a view of the result is, since functions go element by element."""
    if isinstance(e, Load):
        return Load(e.buffer, view(e.layout))
    if isinstance(e, Apply):
        return Apply(e.function, tuple(map_loads(view, argument) for argument in e.arguments), e.dtype)
    return e


def shape_of(e: Expression) -> torch.Size:
    return next(loads(e)).layout.shape


def broadcast(e: Expression, shape: torch.Size) -> Expression:
    return map_loads(lambda layout: layout.expand(shape), e)
