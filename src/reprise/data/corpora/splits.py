"""Which document goes to train, valid or test, and where a long one is cut when there are too few to share out.

Documents with the same content always go to the same part. Several files are shared out whole, in the order of their
checksums, so that the split depends on content alone; the pages of a single file are shared out in reading order (first
train, then valid, then test), so that neighbours do not leak. Where valid or test would come out far from its share
because documents are few or very unequal, every document is cut in three instead, at paragraph ends: its beginning
trains, its middle validates, its end tests. Cuts depend on the content alone, so copies are cut alike.
"""
import re
from collections.abc import Sequence

from reprise.core.errors import InputError
from reprise.data.corpora.survey import Document

__all__ = ["PARTS", "check_shares", "cut_places", "nearest_break", "share_out"]

PARTS = ("train", "valid", "test")
LEAST, MOST = 0.5, 1.5  # of its share, that valid and test may come out at before documents are cut instead
FULL = (1.02, MOST)  # of its share, that valid and test are filled to: exactly if possible
FAR = 1 << 16  # bytes around the ideal cut that are searched for a paragraph's end
BREAKS = (rb"\n[ \t\r]*\n", rb"\n", rb" ")


def check_shares(shares: Sequence[float]) -> tuple[float, float, float]:
    """The shares of train, valid and test: three positive numbers that sum to one, or an `InputError`."""
    shares = tuple(float(share) for share in shares)
    if len(shares) != 3 or min(shares) <= 0 or abs(sum(shares) - 1) > 1e-6:
        raise InputError(f"split needs three positive shares that sum to 1, such as (0.9, 0.05, 0.05); got {shares}")
    return shares


def share_out(documents: Sequence[Document], shares: Sequence[float], in_order: bool) -> list[str] | None:
    """The part of every document, or None where whole documents cannot come near the shares and must be cut."""
    sizes: dict[bytes, int] = {}
    for document in documents:
        sizes[document.digest] = sizes.get(document.digest, 0) + document.length
    total = sum(sizes.values())
    targets = {part: share * total for part, share in zip(PARTS, shares, strict=True)}
    tries = [_by_order(sizes, targets)] if in_order else [_by_digest(sizes, targets, full) for full in FULL]
    chosen = next((each for each in tries if _is_fair(each, sizes, targets)), None)
    return None if chosen is None else [chosen[document.digest] for document in documents]


def _is_fair(chosen: dict[bytes, str], sizes: dict[bytes, int], targets: dict[str, float]) -> bool:
    filled = dict.fromkeys(PARTS, 0)
    for digest, part in chosen.items():
        filled[part] += sizes[digest]
    return all(LEAST * targets[part] <= filled[part] <= MOST * targets[part] for part in PARTS[1:])


def _by_order(sizes: dict[bytes, int], targets: dict[str, float]) -> dict[bytes, str]:
    """First train, then valid, then test; a document belongs where its middle falls."""
    chosen, position = {}, 0
    for digest, size in sizes.items():
        middle = position + size / 2
        past_valid = middle >= targets["train"] + targets["valid"]
        chosen[digest] = "train" if middle < targets["train"] else "test" if past_valid else "valid"
        position += size
    return chosen


def _by_digest(sizes: dict[bytes, int], targets: dict[str, float], full: float) -> dict[bytes, str]:
    """Fill valid and test with what fits, in the order of checksums; the rest is for training."""
    chosen, filled = {}, dict.fromkeys(PARTS, 0)
    for digest, size in sorted(sizes.items()):
        fits = [part for part in ("valid", "test") if filled[part] + size <= full * targets[part]]
        part = min(fits, key=lambda part: filled[part] / targets[part], default="train")
        chosen[digest] = part
        filled[part] += size
    return chosen


def cut_places(length: int, shares: Sequence[float]) -> tuple[int, int, int] | None:
    """Ideal cuts (train | valid, valid | test) of a document and how far off a break may be; None: too short to cut."""
    reach = min(FAR, int(0.4 * min(shares[1:]) * length))
    if reach < 4:
        return None
    return round(shares[0] * length), round((shares[0] + shares[1]) * length), reach


def nearest_break(window: bytes, target: int) -> int:
    """The place nearest to `target` to cut `window` at: after a blank line, else a line, else a word, else a character.

    >>> nearest_break(b"one two.\\n\\nthree four.\\nfive", 14)
    10
    """
    for pattern in BREAKS:
        places = [found.end() for found in re.finditer(pattern, window)]
        if places:
            return min(places, key=lambda place: abs(place - target))
    for place in range(target, max(target - 4, 0), -1):
        if place == len(window) or window[place] & 0xC0 != 0x80:  # not inside a UTF-8 character
            return place
    return target
