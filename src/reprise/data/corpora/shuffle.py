"""A permutation of range(n), computed one element at a time: nothing to store however long the text is.

Six rounds of a Feistel network over the next power of four, walking on until the result is below n (Black and Rogaway
2002, "Ciphers with arbitrary finite domains"). The same on every machine and with every version of NumPy.
"""
import numpy as np
from jaxtyping import Int64

__all__ = ["random_below", "shuffled"]

ROUNDS = 6
GOLDEN, FIRST, SECOND = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def shuffled(places: Int64[np.ndarray, " N"], size: int, key: tuple[int, int]) -> Int64[np.ndarray, " N"]:
    """Where `places` (each below `size`) go in the permutation of range(size) that `key` chooses."""
    bits = max(1, ((size - 1).bit_length() + 1) // 2)
    keys = [_key(key, turn) for turn in range(ROUNDS)]
    result = _feistel(places.astype(np.uint64), bits, keys)
    while (outside := result >= size).any():
        result[outside] = _feistel(result[outside], bits, keys)
    return result.astype(np.int64)


def random_below(size: int, key: tuple[int, int]) -> int:
    """One number of range(size), chosen by `key`."""
    return int(_key(key, ROUNDS)[0] % np.uint64(size))


def _feistel(x: np.ndarray, bits: int, keys: list[np.ndarray]) -> np.ndarray:
    shift, mask = np.uint64(bits), np.uint64((1 << bits) - 1)
    left, right = x >> shift, x & mask
    for key in keys:
        left, right = right, left ^ (_mix(right + key) & mask)
    return left << shift | right


def _key(key: tuple[int, int], turn: int) -> np.ndarray:
    mixed = np.zeros(1, np.uint64)
    for number in (*key, turn):
        mixed = _mix(mixed + GOLDEN + np.uint64(number & 0xFFFFFFFFFFFFFFFF))
    return mixed


def _mix(x: np.ndarray) -> np.ndarray:
    """The finaliser of splitmix64 (Steele et al. 2014); overflow is meant."""
    x = (x ^ (x >> np.uint64(30))) * FIRST
    x = (x ^ (x >> np.uint64(27))) * SECOND
    return x ^ (x >> np.uint64(31))
