"""The documents of a text, laid end to end in some order and read at many places at once."""
import numpy as np
from jaxtyping import Bool, Int64, UInt8

from reprise.data.corpora.shuffle import random_below, shuffled
from reprise.data.corpora.text import Text

__all__ = ["Stream"]


class Stream:
    """Positions 0 ... len(text) - 1 of a reading order, in pieces: each a run of the text, a break before every one.

    Holds three numbers a document and no byte of text.
    """

    def __init__(self, text: Text, offsets: Int64[np.ndarray, " P"], sizes: Int64[np.ndarray, " P"]) -> None:
        self._tokens = np.asarray(text.tokens)  # the same map, without the cost of np.memmap's indexing
        self._starts = np.concatenate([[0], np.cumsum(sizes)])  # in the stream; its last is the end, a break as well
        self._shifts = np.append(offsets, len(text) - 1) - self._starts  # to the text; the end reads its last byte

    @classmethod
    def in_order(cls, text: Text) -> "Stream":
        """As the text stands."""
        return cls(text, text.starts, _sizes(text))

    @classmethod
    def reordered(cls, text: Text, key: tuple[int, int]) -> "Stream":
        """Documents in an order chosen by `key`; the first is cut at a random place and its beginning read last.

        The cut makes epochs over a single long document differ too: everything else falls elsewhere in the lanes.
        """
        order = shuffled(np.arange(len(text.starts)), len(text.starts), key)
        offsets, sizes = text.starts[order], _sizes(text)[order]
        cut = random_below(int(sizes[0]), key)
        offsets, sizes = np.append(offsets, offsets[0]), np.append(sizes, cut)
        offsets[0] += cut
        sizes[0] -= cut
        pieces = len(offsets) if cut else len(offsets) - 1
        return cls(text, offsets[:pieces], sizes[:pieces])

    def read(
        self, begins: Int64[np.ndarray, " B"], length: int
    ) -> tuple[UInt8[np.ndarray, "B T"], Bool[np.ndarray, "B T"]]:
        """`length` bytes from each of B positions, and where among them a piece begins; past the end, anything."""
        first = np.searchsorted(self._starts, begins, "right") - 1
        breaks = np.searchsorted(self._starts, begins + (length - 1), "right") - 1 - first
        places = (begins + self._shifts[first])[:, None] + np.arange(length)
        fresh = np.zeros(places.shape, bool)
        fresh[:, 0] = self._starts[first] == begins
        if breaks.any():
            rows = np.repeat(np.arange(len(begins)), breaks)
            pieces = np.arange(len(rows)) + np.repeat(first + 1 - (np.cumsum(breaks) - breaks), breaks)
            columns = self._starts[pieces] - begins[rows]
            fresh[rows, columns] = True
            jumps = np.zeros(places.shape, np.int64)
            jumps[rows, columns] = self._shifts[pieces] - self._shifts[pieces - 1]
            places += np.cumsum(jumps, axis=1)
        return self._tokens.take(places, mode="clip"), fresh


def _sizes(text: Text) -> Int64[np.ndarray, " D"]:
    return np.diff(text.starts, append=len(text))
