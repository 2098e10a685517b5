"""A page that needs nothing beside it, and its parts: the style is inside, nothing is fetched."""
from collections.abc import Sequence
from importlib.resources import files

from reprise.app.drawing.markup import Markup, tag

__all__ = ["Cell", "folded", "listing", "page", "scrolled", "section", "table"]

Cell = tuple[object, str | None]  # content and class


def page(title: str, *body: Markup) -> str:
    """The whole file."""
    head = tag("head", None, tag("meta", {"charset": "utf-8"}), tag("title", None, title),
               tag("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}),
               tag("meta", {"name": "color-scheme", "content": "light dark"}),
               tag("link", {"rel": "icon", "href": "data:,"}), tag("style", None, Markup(_style())))
    return "<!doctype html>\n" + tag("html", {"lang": "en"}, head, tag("body", None, *body)) + "\n"


def section(title: str, about: str, *content: Markup | None) -> Markup | None:
    """Nothing where there is nothing to show."""
    shown = [part for part in content if part]
    if not shown:
        return None
    return tag("section", None, tag("h2", None, title), _note(about), *shown)


def folded(title: str, about: str, content: Markup | None) -> Markup | None:
    if not content:
        return None
    return tag("details", None, tag("summary", None, title), _note(about), content)


def _note(about: str) -> Markup | None:
    return tag("p", {"class": "note"}, about) if about else None


def scrolled(label: str, *content: object) -> Markup:
    """A box that scrolls by itself, by keyboard too, where its content is wider than the page."""
    return tag("div", {"class": "scroll", "role": "region", "aria-label": label, "tabindex": "0"}, *content)


def table(titles: Sequence[Cell], lines: Sequence[Sequence[Cell]]) -> Markup:
    """A plain table; the first cell of a line is its heading."""
    head = tag("tr", None, *(tag("th", {"scope": "col", "class": kind}, title) for title, kind in titles))
    body = [tag("tr", None, tag("th", {"scope": "row", "class": first[1]}, first[0]),
                *(tag("td", {"class": kind}, text) for text, kind in rest)) for first, *rest in lines]
    return tag("table", None, tag("thead", None, head), tag("tbody", None, *body))


def listing(pairs: Sequence[tuple[object, object]]) -> Markup:
    """Terms and what they are."""
    return tag("dl", None, *(tag("div", None, tag("dt", None, term), tag("dd", None, value)) for term, value in pairs))


def _style() -> str:
    lines = files("reprise.app.drawing").joinpath("style.css").read_text(encoding="utf-8").splitlines()
    return "\n".join(line.strip() for line in lines)
