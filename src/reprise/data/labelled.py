"""Sequences with one answer each: a label, or numbers."""
from collections.abc import Iterator
from typing import NamedTuple

import torch
from jaxtyping import Int64, Shaped
from torch import Tensor

from reprise.core.errors import InputError

__all__ = ["Labelled", "in_order", "labelled_batches"]


class Labelled(NamedTuple):
    """Sequences `x`, of vectors (N T D) or tokens (N T), and what is right for each: labels (N,), or numbers (N E).

    lengths: of sequences padded on the right; None where all are as long as x.
    """

    x: Shaped[Tensor, "N T ..."]
    y: Shaped[Tensor, "N ..."]
    lengths: Int64[Tensor, "N"] | None = None

    @property
    def size(self) -> int:
        """How many sequences."""
        return len(self.x)

    def take(self, rows: Tensor | slice) -> "Labelled":
        """Some of them, as tensors are indexed."""
        return Labelled(self.x[rows], self.y[rows], None if self.lengths is None else self.lengths[rows])


def labelled_batches(data: Labelled, batch: int, seed: int) -> Iterator[Labelled]:
    """Endless batches of `batch` rows, every sequence once an epoch, each epoch in another order.

    What is left at the end of an epoch is left out. Raises InputError for fewer sequences than one batch.
    """
    if not 1 <= batch <= data.size:
        raise InputError(f"expected a batch of 1 to {data.size} rows, as many as there are, got {batch}")
    return _endless(data, batch, torch.Generator().manual_seed(seed))


def in_order(data: Labelled, batch: int) -> Iterator[Labelled]:
    """Every sequence once; the last batch may be smaller."""
    for first in range(0, data.size, batch):
        yield data.take(slice(first, first + batch))


def _endless(data: Labelled, batch: int, generator: torch.Generator) -> Iterator[Labelled]:
    while True:
        order = torch.randperm(data.size, generator=generator)
        for rows in order.split(batch)[: data.size // batch]:
            yield data.take(rows)
