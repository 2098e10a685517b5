"""A function of few numbers as one piece of machine code: what a single step of a layer runs as, once it runs often."""
import importlib.util
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

__all__ = ["AVAILABLE", "make_program"]

AVAILABLE = importlib.util.find_spec("llvmlite") is not None


def make_program(
    function: Callable[[Tensor, Any], tuple[Tensor, Any]], x: Tensor, state: Any,
    slots: Mapping[int, tuple[dict[str, Tensor | None], str]],
) -> tuple[Callable[[Tensor, Any], tuple[Tensor, Any] | None] | None, str]:
    """`function` as machine code for tensors of these shapes, or None; and why.

    slots: of each parameter the function may read, by its id, the dictionary that holds it and its name there, so that
    a call finds it wherever it is by then. What is returned gives None where it is handed anything else.
    """
    from reprise.ops.program.lowering import Unsupported
    from reprise.ops.program.program import Program

    try:
        return Program(function, x, state, slots), "machine code"
    except Unsupported as reason:
        return None, f"torch, since there is no machine code for {reason}"
