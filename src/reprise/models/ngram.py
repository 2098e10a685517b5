"""Bytes by counting: the interpolated, modified Kneser-Ney n-gram, the baseline every language model has to beat."""
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64, UInt64

from reprise.core.errors import InputError
from reprise.data import Text

__all__ = ["MOST_ORDER", "NGram"]

MOST_ORDER = 8  # bytes that fit one 64-bit key
BLOCK = 1 << 20  # positions looked up at once, which bounds the memory
LEAST_DISCOUNT = 0.05  # something is always left for bytes never seen after a context

Keys = UInt64[np.ndarray, " N"]
Probabilities = Float64[np.ndarray, " N"]


class NGram:
    """The chance of the next byte given the `order - 1` before it, from counts; and for every lower order as well.

        p_n(c | h) = (count(h c) - D(count(h c))) / count(h) + kept(h) q_{n-1}(c | h'),   h' = h without its first byte

    Discounts D of a gram seen once, twice or more often are estimated for each length; kept(h) is the share they set
    free; q has the same form over *continuations*: how many different bytes came before a gram, not how often it came.
    The lowest q mixes with 1/256. Where a document has just begun, the context is what there is of it.

    Source  Chen and Goodman 1999, An empirical study of smoothing techniques for language modeling, sec. 3
    >>> chr(NGram(Text.of([b"abababab"]), 2).distribution(b"a")[1].argmax())
    'b'
    """

    def __init__(self, text: Text, order: int = 5) -> None:
        if not 1 <= order <= MOST_ORDER:
            raise InputError(f"NGram: expected an order from 1 to {MOST_ORDER}, got {order}")
        self.order = order
        keys, usable = _keys(text, 0, len(text), order)
        self._raw: list[_Level] = []
        self._continued: list[_Level] = []
        for length in range(1, order + 1):
            grams, counts = np.unique(keys[usable >= length] & _mask(length), return_counts=True)
            self._raw.append(_Level.of(grams, counts))
            if length > 1:
                self._continued.append(_Level.of(*np.unique(grams & _mask(length - 1), return_counts=True)))

    def code_lengths(self, text: Text) -> Float64[np.ndarray, "order N"]:
        """Bits of every byte of `text`; row n - 1 is the n-gram's. A document's first byte costs what it does alone."""
        blocks = []
        for begin in range(0, len(text), BLOCK):
            blocks.append(self._probabilities(*_keys(text, begin, min(begin + BLOCK, len(text)), self.order)))
        return -np.log2(np.concatenate(blocks, axis=1))

    def distribution(self, context: bytes) -> Float64[np.ndarray, "order 256"]:
        """The chance of every byte after `context`, all there is of the document; row n - 1 is the n-gram's."""
        before = context[len(context) - min(len(context), self.order - 1):]
        key = np.uint64(int.from_bytes(before, "big") << 8)
        return self._probabilities(key + np.arange(256, dtype=np.uint64), np.full(256, len(before) + 1))

    def _probabilities(self, keys: Keys, usable: Int64[np.ndarray, " N"]) -> Float64[np.ndarray, "order N"]:
        rows, lower = [], np.full(len(keys), 1 / 256)
        for length, raw in enumerate(self._raw, 1):
            grams, known = keys & _mask(length), usable >= length
            rows.append(np.where(known, raw.mix(grams, lower), rows[-1] if rows else lower))
            if length < self.order:
                lower = self._continued[length - 1].mix(grams, lower)
        return np.stack(rows)


@dataclass(frozen=True, eq=False)
class _Level:
    """Grams of one length, sorted, with what the discount leaves of their counts; and their contexts' sums."""

    grams: Keys
    left: Probabilities
    contexts: Keys
    totals: Probabilities
    kept: Probabilities  # the discounts of all bytes after a context: the weight of the lower order

    @classmethod
    def of(cls, grams: Keys, counts: np.ndarray) -> "_Level":
        discounts = _discounts(counts)[np.minimum(counts, 3)]
        contexts, first = np.unique(grams >> np.uint64(8), return_index=True)
        if not len(grams):  # every document is shorter than this
            return cls(grams, discounts, contexts, discounts, discounts)
        totals, kept = np.add.reduceat(counts.astype(float), first), np.add.reduceat(discounts, first)
        return cls(grams, counts - discounts, contexts, totals, kept)

    def mix(self, grams: Keys, lower: Probabilities) -> Probabilities:
        """The chance of each gram's last byte after the bytes before it, given what the lower order says."""
        place, known = _find(self.contexts, grams >> np.uint64(8))
        at, seen = _find(self.grams, grams)
        result = lower.copy()
        result[known] *= self.kept[place[known]] / self.totals[place[known]]
        result[seen] += self.left[at[seen]] / self.totals[place[seen]]
        return result


def _find(table: Keys, wanted: Keys) -> tuple[np.ndarray, np.ndarray]:
    """Where each wanted key stands in the sorted table, and whether it does."""
    if not len(table):
        return np.zeros(len(wanted), np.int64), np.zeros(len(wanted), bool)
    place = np.minimum(np.searchsorted(table, wanted), len(table) - 1)
    return place, table[place] == wanted


def _discounts(counts: np.ndarray) -> Float64[np.ndarray, " 4"]:
    """What to take from a count of 0, 1, 2, and 3 or more; one half where grams so rare are missing."""
    once, twice, thrice, four = (int((counts == times).sum()) for times in (1, 2, 3, 4))
    if not (once and twice and thrice and four):
        return np.array([0, 0.5, 0.5, 0.5])
    share = once / (once + 2 * twice)
    estimates = [1 - 2 * share * twice / once, 2 - 3 * share * thrice / twice, 3 - 4 * share * four / thrice]
    return np.array([0, *np.clip(estimates, LEAST_DISCOUNT, [0.95, 1.95, 2.95])])


def _keys(text: Text, begin: int, end: int, order: int) -> tuple[Keys, Int64[np.ndarray, " N"]]:
    """For positions begin to end: the last `order` bytes as one number, and how many of them the document has."""
    early = max(begin - order + 1, 0)
    tokens = np.asarray(text.tokens[early:end]).astype(np.uint64)
    keys = tokens.copy()
    for back in range(1, order):
        keys[back:] |= tokens[: len(tokens) - back] << np.uint64(8 * back)
    positions = np.arange(begin, end)
    starts = text.starts[np.searchsorted(text.starts, positions, side="right") - 1]
    return keys[begin - early:], np.minimum(positions - starts + 1, order)


def _mask(length: int) -> np.uint64:
    return np.uint64((1 << 8 * length) - 1)
