"""The first reading of a corpus: which documents there are, how long, which are the same, what the bytes look like."""
import codecs
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from reprise.data.corpora.sources import Source

__all__ = ["Document", "Survey", "take_survey"]

BLOCK = 1 << 20
PAGE = b"\f"


@dataclass(frozen=True)
class Document:
    """One document: the place of its source in the list, its bytes, and the sha256 of its content."""

    source: int
    length: int
    digest: bytes


@dataclass
class Survey:
    """Documents in reading order, how often each byte value came, how many bytes are in files of valid UTF-8."""

    documents: list[Document] = field(default_factory=list)
    counts: np.ndarray = field(default_factory=lambda: np.zeros(256, np.int64))
    utf8: int = 0

    @property
    def size(self) -> int:
        return int(self.counts.sum())

    @property
    def printable(self) -> int:
        """Bytes that are printable ASCII, white space, or part of a longer UTF-8 character."""
        return int(self.counts[32:127].sum() + self.counts[[9, 10, 12, 13]].sum() + self.counts[128:].sum())

    @property
    def duplicates(self) -> int:
        """Documents whose exact content came before."""
        return len(self.documents) - len({document.digest for document in self.documents})

    def digest(self) -> str:
        """A fingerprint of the content and its division into documents; names and places do not enter."""
        return hashlib.sha256(b"".join(document.digest for document in self.documents)).hexdigest()


def take_survey(sources: Sequence[Source], paged: bool) -> Survey:
    """Read every source once, in constant memory. One document a source; or, if `paged`, one to every form feed."""
    survey = Survey()
    for index, source in enumerate(sources):
        _survey_source(survey, index, source, paged)
    return survey


def _survey_source(survey: Survey, index: int, source: Source, paged: bool) -> None:
    decoder, valid, size = codecs.getincrementaldecoder("utf-8")(), True, 0
    document = _Open(index)
    with source.open() as reader:
        while block := reader.read(BLOCK):
            size += len(block)
            survey.counts += np.bincount(np.frombuffer(block, np.uint8), minlength=256)
            valid = valid and _decodes(decoder, block)
            *whole, rest = block.split(PAGE) if paged else [block]
            for page in whole:
                document.add(page + PAGE)
                survey.documents.append(document.close())
                document = _Open(index)
            document.add(rest)
    if document.length:
        survey.documents.append(document.close())
    if valid and _decodes(decoder, b"", final=True):
        survey.utf8 += size


class _Open:
    """A document that is still being read."""

    def __init__(self, source: int) -> None:
        self.source, self.length, self._hash = source, 0, hashlib.sha256()

    def add(self, data: bytes) -> None:
        self.length += len(data)
        self._hash.update(data)

    def close(self) -> Document:
        return Document(self.source, self.length, self._hash.digest())


def _decodes(decoder: codecs.IncrementalDecoder, block: bytes, final: bool = False) -> bool:
    try:
        decoder.decode(block, final)
    except UnicodeDecodeError:
        return False
    return True
