"""A text under another alphabet: a shift of what is to be learned that keeps its difficulty."""
from string import ascii_lowercase, ascii_uppercase

import numpy as np

from reprise.core.errors import InputError
from reprise.data.corpora.text import Text

__all__ = ["substituted"]


def substituted(text: Text, share: float = 0.5, seed: int = 0) -> Text:
    """Every letter of a `share` of the alphabet becomes another of them, always the same, in both cases alike.

    Which letters, and in which cycle, follows from `seed`; no chosen letter stays what it is, and all other bytes do.
    The tokens are a copy in memory. Raises InputError for a share outside of 0 to 1, or one that leaves one letter
    alone.

    >>> substituted(Text.of([b"To be, or not"]), share=1.0, seed=1).document(0)
    b'Gj td, jv wjg'
    """
    count = round(share * len(ascii_lowercase)) if 0 <= share <= 1 else 1
    if count == 1:
        raise InputError(f"substituted: expected a share of the letters from 0 to 1, none or two of them or more, got "
                         f"{share}; try 0.5")
    chosen = np.random.default_rng(seed).permutation(len(ascii_lowercase))[:count]
    table = np.arange(256, dtype=np.uint8)
    for alphabet in (ascii_lowercase, ascii_uppercase):
        letters = np.frombuffer(alphabet.encode(), np.uint8)[chosen]
        table[letters] = np.roll(letters, 1)
    return Text(table[text.tokens], np.asarray(text.starts))
