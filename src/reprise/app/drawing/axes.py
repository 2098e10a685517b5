"""Axes from the numbers they must hold."""
from collections.abc import Iterable

from reprise.app.drawing.frame import Axis
from reprise.app.drawing.scale import Scale, linear_ticks, log_ticks
from reprise.app.findings import units

__all__ = ["axis", "written"]

ROOM = 0.06  # of the range, at both ends


def axis(numbers: Iterable[float], start: float, end: float, title: str, *, log: bool = False, room: float = ROOM,
         ticks: int = 6) -> Axis:
    """A little further than all the numbers; where logarithmic, than the positive ones."""
    held = [value for value in numbers if value > 0 or not log] or [1.0]
    low, high = min(held), max(held)
    if log:
        factor = max(high / low, 1.1) ** room
        scale = Scale(low / factor, high * factor, start, end, log=True)
        return Axis(scale, log_ticks(scale.low, scale.high), written, title)
    space = room * ((high - low) or abs(high) or 1.0)
    scale = Scale(low - space, high + space, start, end)
    return Axis(scale, linear_ticks(scale.low, scale.high, ticks), written, title)


def written(value: float) -> str:
    """Short enough for a tick.

    >>> written(0.25), written(20_000), written(0.001)
    ('0.25', '20 k', '1e-3')
    """
    if 0 < abs(value) < 0.01:
        return f"{value:.1e}".replace(".0e", "e").replace("e-0", "e-")
    return units.count(value) if abs(value) >= 1e4 else f"{value:.4g}"
