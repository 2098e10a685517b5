"""A question about the last bits of a stream, asked once it ends."""
from abc import abstractmethod
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Int64

from reprise.core.errors import InputError
from reprise.data.batches import IGNORED
from reprise.data.labelled import Labelled
from reprise.data.tasks._task import Task, Tokens

__all__ = ["LastBits"]


class LastBits(Task):
    """Streams of bits; the target, a bit too, stands at the last step alone and depends on the last `n` bits.

    Authors write `bits` and `answers`. One stream can be asked about several n: `asked`.
    lengths: of the streams of training, both ends included; one length a batch.
    """

    def __init__(self, n: int = 3):
        if isinstance(n, bool) or not isinstance(n, int) or n < 2:
            raise InputError(f"{type(self).__name__}: expected n of 2 or more, for the last bit alone needs no memory; "
                             f"got {n!r}")
        self.n = self.shortest = n
        self.lengths = n + 2, 4 * n + 1

    @property
    def vocabulary(self):
        return 2

    @abstractmethod
    def bits(self, rows: int, length: int, generator: np.random.Generator) -> Tokens:
        """Streams without an answer."""

    @abstractmethod
    def answers(self, bits: Tokens) -> Int64[np.ndarray, "B"]:
        """What is right at the end of each stream."""

    def asked(self, bits: Tokens, several: Sequence[int]) -> Labelled:
        """These streams as numbers (B T 1), and what is right at their end for each of several n (B L)."""
        answers = np.stack([type(self)(n).answers(bits) for n in several], 1)
        return Labelled(torch.from_numpy(bits).float()[..., None], torch.from_numpy(answers))

    def questions(self, several: Sequence[int], rows: int, generator: np.random.Generator) -> Labelled:
        """A batch of training for several n at once: one length, drawn from `lengths` of the largest."""
        largest = type(self)(max(several))
        low, high = largest.lengths
        return self.asked(largest.bits(rows, int(generator.integers(low, high + 1)), generator), several)

    def draw(self, rows, length, generator):
        x = self.bits(rows, length, generator)
        y = np.full_like(x, IGNORED)
        y[:, -1] = self.answers(x)
        return x, y
