"""What a report says of text: how much of it there is, what is in it, and what the best model wrote."""
from collections.abc import Iterable
from typing import Any

from reprise.app.drawing.markup import Markup, join, tag
from reprise.app.findings import units
from reprise.app.findings.summary import Summary

__all__ = ["facts", "sections", "size", "use"]

SHARES = {"printable": "printable bytes", "utf8": "valid UTF-8"}
COUNTS = {"documents": "documents", "duplicates": "exact duplicates", "files": "files",
          "left_out": "binary files left out"}


def size(card: dict[str, Any]) -> str | None:
    return units.size(card.get("bytes"))


def facts(card: dict[str, Any]) -> list[tuple[object, object]]:
    pairs: list[tuple[object, object]] = [("size", units.size(card.get("bytes")))]
    for part in ("train", "valid", "test"):
        told = card.get(part, card.get("splits", {}).get(part))
        pairs.append((f"{part} part", _part(told, card.get("bytes"))))
    if "split" in card:
        pairs.append(("split by", card["split"]))
    pairs += [(title, units.count(card[key])) for key, title in COUNTS.items() if key in card]
    pairs += [(title, f"{100 * card[key]:.1f} %") for key, title in SHARES.items() if key in card]
    if card.get("sources"):
        more = card.get("files", 0) - len(card["sources"])
        pairs.append(("from", ", ".join(map(str, card["sources"])) + (f" and {more} more" if more > 0 else "")))
    if card.get("binary"):
        pairs.append(("looks binary", ", ".join(f"{name} ({kind})" for name, kind in card["binary"].items())))
    return pairs


def _part(size: object, whole: int | None) -> str:
    """A part's size, given as a number of bytes or with its documents, and its share."""
    told = size if isinstance(size, dict) else {"bytes": size}
    count = told.get("bytes")
    share = f" ({100 * count / whole:.0f} %)" if whole and isinstance(count, int) else ""
    documents = f", {units.count(told['documents'])} documents" if "documents" in told else ""
    return units.size(count) + share + documents


def sections(summary: Summary) -> Iterable[tuple[str, str, Markup | None]]:
    return [("A sample", "", _sample(summary))]


def _sample(summary: Summary) -> Markup | None:
    """What the best model wrote, with its prompt set off."""
    wrote = summary.get("shown")
    if not wrote:
        return None
    prompt = tag("span", {"class": "prompt"}, wrote["prompt"])
    told = f"Written by {wrote['model']}, byte by byte" + (", after the prompt in grey." if wrote["prompt"] else ".")
    return join([tag("p", None, told), tag("pre", {"class": "sample"}, prompt, wrote["text"])])


def use(summary: Summary, model: str, path: str) -> tuple[str, str]:
    return f"let {model} write", f"reprise generate {path} --length 400"
