"""Huffman's code for small symbols, and with it the masks of many tasks in few bits."""
import heapq
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from reprise.core.errors import InputError

__all__ = ["Coded", "PackedMasks", "decode", "encode", "pack_masks", "unpack_masks"]

GROUP = 7  # tasks whose bits make one symbol


class Coded(NamedTuple):
    """Symbols in a canonical Huffman code: how long each symbol's word is (0: it does not occur), and the words."""

    lengths: bytes  # a byte for each symbol there could be
    words: bytes
    count: int

    @property
    def bits(self) -> int:
        """All that has to be kept: the words, and the table of their lengths."""
        return 8 * (len(self.words) + len(self.lengths))


class PackedMasks(NamedTuple):
    """The masks of some tasks over the same weights."""

    groups: tuple[Coded, ...]  # of up to 7 tasks each
    shapes: dict[str, tuple[int, ...]]
    tasks: int

    @property
    def bits(self) -> int:
        return sum(group.bits for group in self.groups)

    @property
    def bits_each(self) -> float:
        """Bits for each weight and task, the tables of the code counted; a mask as it is has 1."""
        return self.bits / (self.groups[0].count * self.tasks)


def pack_masks(masks: Sequence[Mapping[str, Tensor]]) -> PackedMasks:
    """The masks of several tasks, by name, lossless: for each weight, the bits of 7 tasks are one symbol, and symbols
    are Huffman-coded. Where tasks share weights, few symbols are frequent. A word has one bit at least, so that no mask
    takes less than a seventh of a bit a weight, and one that is alone in its group a whole one.

    Raises InputError where tasks have masks of other names or shapes, or there is none.
    Source: Kang et al. 2023, arXiv:2303.14962, sec. 3.3 (kang2023softnet); Huffman 1952, doi:10.1109/JRPROC.1952.273898
    """
    shapes = [{name: tuple(mask.shape) for name, mask in task.items()} for task in masks]
    if not shapes or not shapes[0] or any(other != shapes[0] for other in shapes):
        raise InputError("pack_masks: expected masks of one task or more, with the same names and shapes in each")
    rows = np.stack([np.concatenate([task[name].flatten().cpu().numpy() for name in shapes[0]]) for task in masks])
    symbols = [(rows[first : first + GROUP].astype(np.uint8) << np.arange(len(rows[first : first + GROUP]))[:, None])
               .sum(0).astype(np.uint8) for first in range(0, len(rows), GROUP)]
    return PackedMasks(tuple(encode(group, 1 << GROUP) for group in symbols), shapes[0], len(rows))


def unpack_masks(packed: PackedMasks) -> tuple[dict[str, Tensor], ...]:
    """What was packed."""
    groups = [decode(group) for group in packed.groups]
    sizes = [int(np.prod(shape)) for shape in packed.shapes.values()]
    found = []
    for task in range(packed.tasks):
        bits = torch.from_numpy((groups[task // GROUP] >> task % GROUP & 1).astype(bool))
        found.append({name: part.view(shape) for (name, shape), part in
                      zip(packed.shapes.items(), bits.split(sizes), strict=True)})
    return tuple(found)


def encode(symbols: UInt8[np.ndarray, " N"], alphabet: int = 256) -> Coded:
    """Symbols below `alphabet`, each by a word whose length follows from how often it occurs; none for none."""
    if len(symbols) and symbols.max() >= alphabet:
        raise InputError(f"encode: expected symbols below {alphabet}, got {symbols.max()}")
    lengths = _lengths(np.bincount(symbols, minlength=alphabet))
    words = _canonical(lengths)
    longest = max(lengths, default=0)
    table = np.zeros((alphabet, longest), np.uint8)
    for symbol, (word, length) in words.items():
        table[symbol, :length] = [word >> place & 1 for place in range(length - 1, -1, -1)]
    wanted = np.arange(longest) < np.asarray(lengths)[symbols, None]
    return Coded(bytes(lengths), np.packbits(table[symbols][wanted]).tobytes(), len(symbols))


def decode(coded: Coded) -> UInt8[np.ndarray, " N"]:
    """What was encoded. Raises InputError where the words end too early."""
    symbols = {(length, word): symbol for symbol, (word, length) in _canonical(list(coded.lengths)).items()}
    found, word, length = np.empty(coded.count, np.uint8), 0, 0
    bits = iter(np.unpackbits(np.frombuffer(coded.words, np.uint8)).tolist())
    for place in range(coded.count):
        while (length, word) not in symbols:
            if (bit := next(bits, None)) is None:
                raise InputError(f"decode: the words end after {place} of {coded.count} symbols; they are damaged")
            length, word = length + 1, word << 1 | bit
        found[place], word, length = symbols[length, word], 0, 0
    return found


def _lengths(counts: np.ndarray) -> list[int]:
    """Of each symbol's word: how often it is merged, the two rarest groups first. A lone symbol has one bit."""
    lengths = [0] * len(counts)
    heap = [(int(count), symbol, [symbol]) for symbol, count in enumerate(counts) if count]
    heapq.heapify(heap)
    if len(heap) == 1:
        lengths[heap[0][1]] = 1
    while len(heap) > 1:
        (count, first, group), (more, _, other) = heapq.heappop(heap), heapq.heappop(heap)
        for symbol in group + other:
            lengths[symbol] += 1
        heapq.heappush(heap, (count + more, first, group + other))
    return lengths


def _canonical(lengths: Sequence[int]) -> dict[int, tuple[int, int]]:
    """Symbol -> its word and length; words of the same length count up in the order of the symbols."""
    found, word, last = {}, 0, 0
    for length, symbol in sorted((length, symbol) for symbol, length in enumerate(lengths) if length):
        word <<= length - last
        found[symbol], word, last = (word, length), word + 1, length
    return found
