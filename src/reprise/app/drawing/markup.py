"""Elements of HTML and SVG as strings; whatever is not markup already is escaped."""
import re
from collections.abc import Iterable, Mapping
from html import escape

__all__ = ["Markup", "join", "legible", "number", "tag"]

VOID = {"br", "link", "meta", "col", "input"}
UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")
MISLEADING = re.compile("[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")


class Markup(str):
    """Text that is markup: it is put in as it is."""


def tag(name: str, attributes: Mapping[str, object] | None = None, *children: object) -> Markup:
    """An element. Attributes that are None are left out; children that are no Markup are escaped.

    >>> tag("b", {"class": "x"}, "1 < 2")
    '<b class="x">1 &lt; 2</b>'
    """
    told = "".join(f' {key}="{escape(legible(str(_shown(value))))}"' for key, value in (attributes or {}).items()
                   if value is not None)
    if name in VOID:
        return Markup(f"<{name}{told}>")
    return Markup(f"<{name}{told}>{join(children)}</{name}>")


def join(parts: Iterable[object], between: str = "") -> Markup:
    """Parts one after the other; None is nothing."""
    return Markup(between.join(_escaped(part) for part in parts if part is not None))


def legible(text: str) -> str:
    """Control characters as pictures of themselves; what reorders or breaks text, or no file can hold, as U+FFFD."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return MISLEADING.sub("\ufffd", UNSEEN.sub(lambda found: chr(0x2400 + ord(found[0])), text))


def number(value: float) -> str:
    """A coordinate: a tenth of a pixel is enough."""
    return f"{value:.1f}".removesuffix(".0")


def _shown(value: object) -> object:
    return number(value) if isinstance(value, float) else value


def _escaped(part: object) -> str:
    return part if isinstance(part, Markup) else escape(legible(str(part)))
