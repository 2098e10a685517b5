"""A `Text`: bytes as tokens, and where in them documents begin."""
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64, UInt8

from reprise.core.errors import InputError

__all__ = ["Text"]


@dataclass(frozen=True, eq=False)
class Text:
    """One part of a corpus: `tokens` (N bytes, usually a memory map) and `starts` (D rising offsets of its documents).

    The first document starts at 0 and no document is empty. A document is what nothing continues: a model's memory is
    cleared where one starts, and its first byte is never predicted.
    """

    tokens: UInt8[np.ndarray, " N"]
    starts: Int64[np.ndarray, " D"]

    def __post_init__(self) -> None:
        ends = np.append(self.starts[1:], len(self.tokens))
        if len(self.starts) == 0 or self.starts[0] != 0 or not (ends > self.starts).all():
            raise InputError(
                f"a Text needs documents that start at 0, rise and are not empty, within its {len(self.tokens)} bytes; "
                f"got starts {self.starts[:5].tolist()}{' ...' if len(self.starts) > 5 else ''}"
            )

    @classmethod
    def of(cls, documents: Iterable[bytes]) -> "Text":
        """The text of these documents, in memory; empty ones are left out.

        >>> Text.of([b"one", b"", b"three"]).starts.tolist()
        [0, 3]
        """
        kept = [document for document in documents if document]
        ends = np.cumsum([0] + [len(document) for document in kept], dtype=np.int64)
        return cls(np.frombuffer(b"".join(kept), np.uint8), ends[:-1])

    @classmethod
    def joined(cls, texts: Iterable["Text"]) -> "Text":
        """All documents of several texts, in memory, one text after the other.

        >>> Text.joined([Text.of([b"one", b"two"]), Text.of([b"three"])]).starts.tolist()
        [0, 3, 6]
        """
        texts = list(texts)
        before = np.cumsum([0] + [len(text) for text in texts], dtype=np.int64)
        starts = [text.starts + shift for text, shift in zip(texts, before, strict=False)]
        return cls(np.concatenate([text.tokens for text in texts]), np.concatenate(starts))

    def __len__(self) -> int:
        return len(self.tokens)

    def document(self, index: int) -> bytes:
        """The bytes of one document."""
        end = self.starts[index + 1] if index + 1 < len(self.starts) else len(self.tokens)
        return self.tokens[self.starts[index] : end].tobytes()

    def beginning(self, limit: int | None) -> "Text":
        """The first `limit` bytes, as a view (all of it for None)."""
        if limit is None or limit >= len(self):
            return self
        if limit < 1:
            raise InputError(f"limit must be at least 1 byte, got {limit}; use None for no limit")
        return Text(self.tokens[:limit], np.asarray(self.starts[: np.searchsorted(self.starts, limit)]))
