"""A `Corpus`: train, valid and test from what the user has, written once as flat bytes and mapped into memory."""
import copy
import hashlib
import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reprise.core.errors import InputError
from reprise.data.cache import cache_folder, write_folder
from reprise.data.corpora.kinds import HEAD, binary_kind
from reprise.data.corpora.parts import copy_documents, open_part
from reprise.data.corpora.sources import Source
from reprise.data.corpora.splits import PARTS, share_out
from reprise.data.corpora.survey import Survey, take_survey
from reprise.data.corpora.text import Text

__all__ = ["MINIMUM", "Corpus", "build_corpus"]

MINIMUM = 10_000  # bytes
LAYOUT = 1  # of the cache; raise it when the files or the way of splitting change
LISTED = 20  # names in the data card
BINARY_HINT = "to model bytes that are no text, pass allow_binary=True (--binary)"

Shares = tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class Corpus:
    """Three texts and their data card; `open_corpus` makes one."""

    name: str
    train: Text
    valid: Text
    test: Text
    about: dict[str, Any]

    def card(self) -> dict[str, Any]:
        """The data card, plain values only.

        name; bytes; documents; duplicates (documents whose exact content came before); printable (share of bytes that
        are printable ASCII, white space or above 127); utf8 (share of bytes in files that are valid UTF-8); split
        ("official", "whole documents" or "cut documents"); train, valid, test (bytes and documents of each); files (how
        many); sources (their names, the first 20); binary (what looks like no text, by name); left_out (how many binary
        files of a folder or pattern were not taken); digest (sha256 of the content).
        """
        return copy.deepcopy(self.about)


def build_corpus(name: str, sources: Sequence[Source], shares: Shares, allow_binary: bool = False) -> Corpus:
    """The corpus of these sources, from the cache where the same files were read before.

    Raises `InputError` for unreadable, empty or tiny input and, unless `allow_binary`, a chosen file that is no text.
    """
    stamps = [source.stamp() for source in sources]
    key = hashlib.sha256(json.dumps([LAYOUT, MINIMUM, stamps, shares, allow_binary]).encode()).hexdigest()
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower())[:40].strip("-")
    folder = cache_folder("corpora") / f"{slug or 'corpus'}-{key[:16]}"
    if (corpus := _load(name, folder)) is not None:
        return corpus
    shutil.rmtree(folder, ignore_errors=True)  # damaged, if it is there at all
    kept, binary = _texts(sources, allow_binary)
    survey = take_survey(kept, paged=len(kept) == 1 and not binary and kept[0].part is None)
    _check_size(survey, kept)
    _check_published(survey, kept)
    official = [kept[document.source].part for document in survey.documents]
    parts = share_out(survey.documents, shares, in_order=len(kept) == 1) if None in official else official
    split = "cut documents" if parts is None else "whole documents" if None in official else "official"
    about = _describe(name, kept, survey) | {"split": split, "binary": binary, "left_out": len(sources) - len(kept)}

    def fill(building: Path) -> None:
        sizes = copy_documents(building, kept, survey.documents, parts, shares)
        if empty := [part for part, size in sizes.items() if not size["bytes"]]:
            raise InputError(f"{name}: nothing is left for {' and '.join(empty)}, documents are too alike; add others")
        if stamps != [source.stamp() for source in sources]:
            raise InputError(f"the files of {name} changed while they were read; run again when nothing writes to them")
        (building / "card.json").write_text(json.dumps(about | sizes, indent=1), encoding="utf-8")

    write_folder(folder, survey.size, fill)
    corpus = _load(name, folder)
    if corpus is None:
        raise InputError(f"the cache folder {folder} was changed while it was written; run again")
    return corpus


def _load(name: str, folder: Path) -> Corpus | None:
    """The corpus in this cache folder, or None where there is none or it is damaged."""
    try:
        about = json.loads((folder / "card.json").read_text(encoding="utf-8"))
        texts = [open_part(folder, part) for part in PARTS]
        sizes = [{"bytes": len(text), "documents": len(text.starts)} for text in texts]
        return Corpus(name, *texts, about | {"name": name}) if sizes == [about[part] for part in PARTS] else None
    except (OSError, ValueError, KeyError, TypeError, EOFError):
        return None


def _texts(sources: Sequence[Source], allow_binary: bool) -> tuple[list[Source], dict[str, str]]:
    """The sources to read and, of the first binary ones among them, what they look like."""
    kept, binary = [], {}
    for source in sources:
        with source.open() as reader:
            kind = binary_kind(reader.read(HEAD))
        if kind is None or allow_binary:
            kept.append(source)
            if kind is not None and len(binary) < LISTED:
                binary[source.name] = kind
        elif source.chosen:
            raise InputError(f"{source.name} looks like {kind}, text was expected; {BINARY_HINT}")
    if not kept:
        raise InputError(f"none of {len(sources)} files is text, {sources[0].name} for one; {BINARY_HINT}")
    return kept, binary


def _check_size(survey: Survey, sources: Sequence[Source]) -> None:
    what = sources[0].name if len(sources) == 1 else f"{len(sources)} files, {sources[0].name} the first"
    if survey.size == 0:
        raise InputError(f"{what}: empty; at least {MINIMUM:,} bytes are needed to train, validate and test")
    if survey.size < MINIMUM:
        raise InputError(
            f"{what}: {survey.size:,} bytes; at least {MINIMUM:,} are needed to train, validate and test; "
            "add more text, or begin with python-stdlib"
        )


def _check_published(survey: Survey, sources: Sequence[Source]) -> None:
    found = {document.source: document.digest.hex() for document in survey.documents}
    for index, source in enumerate(sources):
        if source.sha256 not in (None, found.get(index)):
            raise InputError(
                f"{source.name} in {source.path.parent.name} is not the published file (sha256 {found.get(index)}, "
                f"expected {source.sha256}); replace it, or give its path to use it as it is"
            )


def _describe(name: str, sources: Sequence[Source], survey: Survey) -> dict[str, Any]:
    return {
        "name": name,
        "bytes": survey.size,
        "documents": len(survey.documents),
        "duplicates": survey.duplicates,
        "printable": round(survey.printable / survey.size, 4),
        "utf8": round(survey.utf8 / survey.size, 4),
        "files": len(sources),
        "sources": [source.name for source in sources[:LISTED]],
        "digest": survey.digest(),
    }
