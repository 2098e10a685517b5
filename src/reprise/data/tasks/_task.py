"""What every synthetic task is."""
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Int64

from reprise.core.errors import InputError
from reprise.data.batches import Batch

__all__ = ["Task", "Tokens"]

Tokens = Int64[np.ndarray, "B T"]


class Task(ABC):
    """Sequences of tokens, and at some steps a target among the same tokens; the rest is IGNORED.

    Authors write `draw`. Everything random comes from the generator that is handed in.
    """

    shortest: ClassVar[int] = 1  # steps a sequence must have

    @property
    @abstractmethod
    def vocabulary(self) -> int:
        """How many tokens there are, targets among them."""

    @property
    @abstractmethod
    def chance(self) -> float:
        """The share of targets that a guess without memory gets right."""

    @abstractmethod
    def draw(self, rows: int, length: int, generator: np.random.Generator) -> tuple[Tokens, Tokens]:
        """Tokens, and targets."""

    def sample(self, rows: int, length: int, generator: np.random.Generator) -> Batch:
        """`rows` fresh sequences of `length` steps, each a new beginning. Raises InputError for one too short."""
        if rows < 1 or length < self.shortest:
            raise InputError(f"{type(self).__name__}: expected a row and {self.shortest} steps or more, "
                             f"got {rows} rows of {length} steps")
        x, y = (torch.from_numpy(np.ascontiguousarray(z, np.int64)) for z in self.draw(rows, length, generator))
        resets = torch.zeros(x.shape, dtype=torch.bool)
        resets[:, 0] = True
        return Batch(x, y, resets)

    def batches(self, rows: int, lengths: tuple[int, int], seed: int) -> Iterator[Batch]:
        """Endless batches, each of one length drawn evenly from `lengths`, both ends included."""
        generator = np.random.default_rng(seed)
        while True:
            yield self.sample(rows, int(generator.integers(lengths[0], lengths[1] + 1)), generator)
