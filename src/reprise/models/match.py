"""Models of equal size, so that they can be compared."""
from collections.abc import Callable

from torch import nn

from reprise.core.errors import InputError

__all__ = ["count_parameters", "match_width"]

WIDEST = 2**20  # multiples


def count_parameters(model: nn.Module) -> int:
    """Those that are trained, each once."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def match_width(build: Callable[[int], nn.Module], parameters: int, multiple: int = 1) -> int:
    """The width, a multiple of `multiple`, with which `build(width)` comes nearest to so many trained parameters.

    `build` is called about twenty times, so that a model's size is counted and not computed by a formula.
    Raises InputError where even the narrowest model is more than twice as large, and where a million multiples are not
    enough: `build` may not be using its width.

    >>> match_width(lambda width: nn.Linear(width, width, bias=False), 10_000)
    100
    """
    low, high = 1, 2
    while (counted := count_parameters(build(high * multiple))) < parameters:
        if high >= WIDEST:
            raise InputError(f"match_width: a width of {high * multiple:,} gives {counted:,} parameters, and "
                             f"{parameters:,} are asked for; see that `build` uses the width it is given")
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if count_parameters(build(middle * multiple)) < parameters else (low, middle)
    sizes = {width * multiple: count_parameters(build(width * multiple)) for width in (low, high)}
    width = min(sizes, key=lambda w: abs(sizes[w] - parameters))
    if sizes[width] > 2 * parameters:
        raise InputError(f"match_width: a width of {width} gives {sizes[width]:,} parameters already, "
                         f"more than twice {parameters:,}; give more, or a smaller multiple")
    return width
