"""Writing and opening the parts of a corpus: `<part>.bin`, the bytes; `<part>.starts.npy`, where documents begin."""
from array import array
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from reprise.data.corpora.sources import Reader, Source
from reprise.data.corpora.splits import PARTS, cut_places, nearest_break
from reprise.data.corpora.survey import Document
from reprise.data.corpora.text import Text

__all__ = ["copy_documents", "open_part"]


def open_part(folder: Path, part: str) -> Text:
    """A written part, mapped into memory: none of its bytes is read until it is used."""
    return Text(np.memmap(folder / f"{part}.bin", np.uint8, mode="r"), np.load(folder / f"{part}.starts.npy"))


def copy_documents(
    folder: Path,
    sources: Sequence[Source],
    documents: Sequence[Document],
    parts: Sequence[str] | None,
    shares: tuple[float, float, float],
) -> dict[str, dict[str, int]]:
    """The second reading: every document to its part or, for `parts` None, cut over the three.

    Returns how many bytes and documents each part has.
    """
    left = Counter(document.source for document in documents)
    following = iter(enumerate(documents))
    with ExitStack() as stack:
        writers = {part: stack.enter_context(_PartWriter(folder, part)) for part in PARTS}
        for index, source in enumerate(sources):
            with source.open() as reader:
                for _ in range(left[index]):
                    place, document = next(following)
                    if parts is None:
                        _copy_cut(reader, document.length, shares, writers)
                    else:
                        writers[parts[place]].append(reader, document.length)
        return {part: writer.finish() for part, writer in writers.items()}


def _copy_cut(
    reader: Reader, length: int, shares: tuple[float, float, float], writers: dict[str, "_PartWriter"]
) -> None:
    """Copy one document in three: what lies around each ideal cut is held back until the best break in it is known."""
    places = cut_places(length, shares)
    if places is None:
        writers["train"].append(reader, length)
        return
    *cuts, reach = places
    done, rest = 0, b""
    for part, cut in zip(PARTS, cuts):
        writers[part].append(reader, cut - reach - done, first=rest)
        window = b"".join(reader.exactly(2 * reach))
        at = nearest_break(window, reach)
        writers[part].write(window[:at])
        done, rest = cut + reach, window[at:]
    writers["test"].append(reader, length - done, first=rest)


class _PartWriter:
    def __init__(self, folder: Path, part: str) -> None:
        self._index = folder / f"{part}.starts.npy"
        self._file = open(folder / f"{part}.bin", "wb")  # noqa: SIM115 - this object is the context
        self._starts, self._size = array("q"), 0

    def append(self, reader: Reader, size: int, first: bytes = b"") -> None:
        """A new document: `first`, then the reader's next `size` bytes."""
        if first or size:
            self._starts.append(self._size)
        self.write(first)
        for block in reader.exactly(size):
            self.write(block)

    def write(self, data: bytes) -> None:
        self._size += self._file.write(data)

    def finish(self) -> dict[str, int]:
        np.save(self._index, np.array(self._starts, np.int64))
        return {"bytes": self._size, "documents": len(self._starts)}

    def __enter__(self) -> "_PartWriter":
        return self

    def __exit__(self, *failure: object) -> None:
        self._file.close()
