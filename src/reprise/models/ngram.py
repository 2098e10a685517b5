"""Bytes, or any symbols, by counting: the interpolated, modified Kneser-Ney n-gram, which every model has to beat."""
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64, UInt64

from reprise.core.errors import InputError
from reprise.data import Text

__all__ = ["NGram", "Symbols", "most_order"]

KEY = 64  # bits, in which a gram has to fit: eight bytes
BYTES = 256
BLOCK = 1 << 20  # positions looked up at once, which bounds the memory
LEAST_DISCOUNT = 0.05  # something is always left for bytes never seen after a context

Keys = UInt64[np.ndarray, " _"]
Probabilities = Float64[np.ndarray, " _"]


@dataclass(frozen=True, eq=False)
class Symbols:
    """What a `Text` is to bytes, for whole numbers from 0 on: tokens, and where in them documents begin."""

    tokens: Int64[np.ndarray, " N"]
    starts: Int64[np.ndarray, " D"]

    def __len__(self) -> int:
        return len(self.tokens)


class NGram:
    """The chance of the next byte given the `order - 1` before it, from counts; and for every lower order as well.

        p_n(c | h) = (count(h c) - D(count(h c))) / count(h) + kept(h) q_{n-1}(c | h'),   h' = h without its first byte

    Discounts D of a gram seen once, twice or more often are estimated for each length; kept(h) is the share they set
    free; q has the same form over *continuations*: how many different bytes came before a gram, not how often it came.
    The lowest q mixes with 1/256. Where a document has just begun, the context is what there is of it.
    symbols: how many there are where they are not bytes; the more, the lower the orders that can be counted.

    Source  Chen and Goodman 1999, An empirical study of smoothing techniques for language modeling, sec. 3
    >>> chr(NGram(Text.of([b"abababab"]), 2).distribution(b"a")[1].argmax())
    'b'
    """

    def __init__(self, text: Text | Symbols, order: int = 5, *, symbols: int = BYTES) -> None:
        most, bits = most_order(symbols), _bits(symbols)
        if not 1 <= order <= most:
            raise InputError(f"NGram: expected an order from 1 to {most}, for {symbols:,} symbols, got {order}")
        self.order, self.symbols, self._bits = order, symbols, bits
        keys, usable = _keys(text, 0, len(text), order, bits)
        self._raw: list[_Level] = []
        self._continued: list[_Level] = []
        for length in range(1, order + 1):
            grams, counts = np.unique(keys[usable >= length] & _mask(length * bits), return_counts=True)
            self._raw.append(_Level.of(grams, counts, bits))
            if length > 1:
                shorter = np.unique(grams & _mask((length - 1) * bits), return_counts=True)
                self._continued.append(_Level.of(*shorter, bits))

    def code_lengths(self, text: Text | Symbols) -> Float64[np.ndarray, "order N"]:
        """Bits of every byte of `text`; row n - 1 is the n-gram's. A document's first byte costs what it does alone."""
        blocks = []
        for begin in range(0, len(text), BLOCK):
            end = min(begin + BLOCK, len(text))
            blocks.append(self._probabilities(*_keys(text, begin, end, self.order, self._bits)))
        return -np.log2(np.concatenate(blocks, axis=1))

    def distributions(self, text: Text | Symbols) -> Float64[np.ndarray, "N symbols"]:
        """The chance of every symbol in the place of each of `text`, by the highest order, given those before it.

        What stands in a place changes nothing there. Positions whose contexts are alike are looked up once.
        """
        keys, usable = _keys(text, 0, len(text), self.order, self._bits)
        contexts = keys >> np.uint64(self._bits)
        pairs, place = np.unique(np.stack([contexts, usable.astype(np.uint64)]), axis=1, return_inverse=True)
        rows = max(BLOCK // self.symbols, 1)
        found = [self._after(*pairs[:, first : first + rows]) for first in range(0, pairs.shape[1], rows)]
        return np.concatenate([np.zeros((0, self.symbols)), *found])[place.reshape(-1)]

    def _after(self, contexts: Keys, usable: Keys) -> Float64[np.ndarray, "N symbols"]:
        keys = (contexts << np.uint64(self._bits))[:, None] + np.arange(self.symbols, dtype=np.uint64)
        top = self._probabilities(keys.reshape(-1), np.repeat(usable.astype(np.int64), self.symbols))[-1]
        return top.reshape(keys.shape)

    def distribution(self, context: bytes) -> Float64[np.ndarray, "order 256"]:
        """Of every byte after `context`, all there is of the document; row n - 1 is the n-gram's. For bytes alone."""
        before = context[len(context) - min(len(context), self.order - 1):]
        key = np.uint64(int.from_bytes(before, "big") << 8)
        return self._probabilities(key + np.arange(256, dtype=np.uint64), np.full(256, len(before) + 1))

    def _probabilities(self, keys: Keys, usable: Int64[np.ndarray, " N"]) -> Float64[np.ndarray, "order N"]:
        rows, lower = [], np.full(len(keys), 1 / self.symbols)
        for length, raw in enumerate(self._raw, 1):
            grams, known = keys & _mask(length * self._bits), usable >= length
            rows.append(np.where(known, raw.mix(grams, lower), rows[-1] if rows else lower))
            if length < self.order:
                lower = self._continued[length - 1].mix(grams, lower)
        return np.stack(rows)


def most_order(symbols: int) -> int:
    """The longest gram of so many symbols that can be counted."""
    return KEY // _bits(symbols)


def _bits(symbols: int) -> int:
    """Of a symbol."""
    return max((symbols - 1).bit_length(), 1)


@dataclass(frozen=True, eq=False)
class _Level:
    """Grams of one length, sorted, with what the discount leaves of their counts; and their contexts' sums."""

    grams: Keys
    left: Probabilities
    contexts: Keys
    totals: Probabilities
    kept: Probabilities  # the discounts of all bytes after a context: the weight of the lower order
    bits: int  # of a symbol

    @classmethod
    def of(cls, grams: Keys, counts: np.ndarray, bits: int) -> "_Level":
        discounts = _discounts(counts)[np.minimum(counts, 3)]
        contexts, first = np.unique(grams >> np.uint64(bits), return_index=True)
        if not len(grams):  # every document is shorter than this
            return cls(grams, discounts, contexts, discounts, discounts, bits)
        totals, kept = np.add.reduceat(counts.astype(float), first), np.add.reduceat(discounts, first)
        return cls(grams, counts - discounts, contexts, totals, kept, bits)

    def mix(self, grams: Keys, lower: Probabilities) -> Probabilities:
        """The chance of each gram's last byte after the bytes before it, given what the lower order says."""
        place, known = _find(self.contexts, grams >> np.uint64(self.bits))
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


def _keys(
    text: Text | Symbols, begin: int, end: int, order: int, bits: int,
) -> tuple[Keys, Int64[np.ndarray, " N"]]:
    """For positions begin to end: the last `order` symbols as one number, and how many of them the document has."""
    early = max(begin - order + 1, 0)
    tokens = np.asarray(text.tokens[early:end]).astype(np.uint64)
    keys = tokens.copy()
    for back in range(1, order):
        keys[back:] |= tokens[: max(len(tokens) - back, 0)] << np.uint64(bits * back)
    positions = np.arange(begin, end)
    starts = text.starts[np.searchsorted(text.starts, positions, side="right") - 1]
    return keys[begin - early:], np.minimum(positions - starts + 1, order)


def _mask(bits: int) -> np.uint64:
    return np.uint64((1 << bits) - 1)
