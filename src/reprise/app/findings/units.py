"""Numbers as people read them. What is not known is a dash."""

__all__ = ["UNKNOWN", "chance", "count", "milliseconds", "rate", "seconds", "several", "size"]

UNKNOWN = "\u2013"  # the dash of tables
PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def count(value: float | None) -> str:
    """Three digits and a prefix.

    >>> count(1_234_567), count(950)
    ('1.23 M', '950')
    """
    if value is None:
        return UNKNOWN
    for scale, prefix in PREFIXES:
        if abs(value) >= 0.9995 * scale:
            return f"{_three(value / scale)} {prefix}"
    return _three(value) if value != int(value) else str(int(value))


def size(value: float | None) -> str:
    """Bytes, in thousands.

    >>> size(12_345), size(16)
    ('12.3 kB', '16 B')
    """
    if value is None:
        return UNKNOWN
    text = count(value)
    return f"{text}B" if " " in text else f"{text} B"


def several(number: int, thing: str) -> str:
    """
    >>> several(1, "seed"), several(1200, "model")
    ('1 seed', '1,200 models')
    """
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def rate(value: float | None) -> str:
    """Tokens a second."""
    return UNKNOWN if value is None else f"{count(value)}/s"


def milliseconds(value: float | None) -> str:
    """Three digits, never in powers of ten."""
    return UNKNOWN if value is None else f"{_three(value)} ms"


def seconds(value: float | None) -> str:
    """The two largest units.

    >>> seconds(4.25), seconds(200), seconds(7500)
    ('4.2 s', '3 min 20 s', '2 h 5 min')
    """
    if value is None:
        return UNKNOWN
    if value < 59.5:
        return f"{_three(value, 2)} s"
    minutes, rest = divmod(round(value), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def chance(value: float | None) -> str:
    """A probability in percent; what was drawn thousands of times is never quite none or all."""
    if value is None:
        return UNKNOWN
    return "< 1 %" if value < 0.01 else "> 99 %" if value > 0.99 else f"{100 * value:.0f} %"


def _three(value: float, digits: int = 3) -> str:
    """So many significant digits without an exponent; whole numbers beyond that stay whole."""
    if value == 0:
        return "0"
    text = f"{value:.{digits}g}"
    return f"{value:.0f}" if abs(value) >= 10**digits else text if "e" not in text else f"{value:.6f}".rstrip("0")
