"""Batches of bytes for next-byte prediction: rows that carry on, shuffled windows, and one pass for evaluation.

Targets never cross from one document into the next: there `y` is IGNORED, which cross-entropy leaves out.
Endless iterators hold their whole position in a small `state_dict()`, so that training resumes bit for bit.
"""
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Int64, UInt8
from torch import Tensor

from reprise.core.errors import InputError
from reprise.data.corpora.shuffle import shuffled
from reprise.data.corpora.stream import Stream
from reprise.data.corpora.text import Text

__all__ = ["IGNORED", "Batch", "Batches", "carried", "evaluation", "windows"]

IGNORED = -100
BLOCK = 512  # steps whose windows are drawn at once: worth it, and small


class Batch(NamedTuple):
    """Bytes `x`; `y`, the byte after each (IGNORED where there is none); `resets`, where a row begins something new."""

    x: Int64[Tensor, "B T"]
    y: Int64[Tensor, "B T"]
    resets: Bool[Tensor, "B T"]


class Batches(ABC):
    """An endless iterator of batches (B T), epoch after epoch, each epoch in another order.

    `epoch` and `step` say where it stands (the next batch is `step` of `epoch`); an epoch has `epoch_length` batches.
    """

    kind: ClassVar[str]

    def __init__(self, text: Text, batch: int, length: int, seed: int = 0) -> None:
        _check_shape(batch, length)
        self.text, self.batch, self.length, self.seed = text, batch, length, seed
        self.epoch_length = len(text) // (batch * length)
        if self.epoch_length == 0:
            raise InputError(
                f"the text has {len(text):,} bytes, fewer than one batch of {batch} x {length} = {batch * length:,}; "
                "use a smaller batch or length, or more text"
            )
        self.epoch = self.step = 0
        self._read: tuple[int, Stream] | None = None  # the epoch whose reading order is held

    def __iter__(self) -> "Batches":
        return self

    def __next__(self) -> Batch:
        if self._read is None or self._read[0] != self.epoch:
            self._read = self.epoch, Stream.reordered(self.text, (self.seed, self.epoch))
        tokens, fresh = self._read[1].read(self._begins(), self.length + 1)
        resets = fresh[:, :-1].copy()
        resets[:, 0] |= self._all_begin()
        self.step += 1
        if self.step == self.epoch_length:
            self.epoch, self.step = self.epoch + 1, 0
        return _batch(tokens, ~fresh[:, 1:], resets)

    @abstractmethod
    def _begins(self) -> Int64[np.ndarray, " B"]:
        """Where in the epoch's stream the rows of this step begin."""

    @abstractmethod
    def _all_begin(self) -> bool:
        """Whether every row of this step begins something new."""

    def state_dict(self) -> dict[str, int | str]:
        """The position, and what it is a position in; plain values."""
        return {**self._about(), "epoch": self.epoch, "step": self.step}

    def load_state_dict(self, state: dict[str, int | str]) -> None:
        """Go on from a saved position; an `InputError` if it was saved over another text or with other settings."""
        about = self._about()
        missing = {*about, "epoch", "step"} - state.keys()
        if missing:
            raise InputError(f"a position in batches needs {', '.join(sorted(missing))} too; got {sorted(state)}")
        wrong = [f"{name} was {state[name]}, is {value}" for name, value in about.items() if state[name] != value]
        if wrong or state["epoch"] < 0 or not 0 <= state["step"] < self.epoch_length:
            raise InputError(
                f"this position belongs to other batches ({'; '.join(wrong) or 'it is past the end'}); "
                "use the same text, kind of batches, batch, length and seed"
            )
        self.epoch, self.step = state["epoch"], state["step"]

    def _about(self) -> dict[str, int | str]:
        sizes = {"bytes": len(self.text), "documents": len(self.text.starts)}
        return {"kind": self.kind, "batch": self.batch, "length": self.length, "seed": self.seed, **sizes}


class _Carried(Batches):
    kind = "carried"

    def _begins(self) -> Int64[np.ndarray, " B"]:
        lanes = np.arange(self.batch) * (self.epoch_length * self.length)
        return lanes + self.step * self.length

    def _all_begin(self) -> bool:
        return self.step == 0


class _Windows(Batches):
    kind = "windows"
    _order: tuple[int, int, Int64[np.ndarray, " N"]] | None = None  # of an epoch, a block of steps: their windows

    def _begins(self) -> Int64[np.ndarray, " B"]:
        block, step = divmod(self.step, BLOCK)
        if self._order is None or self._order[:2] != (self.epoch, block):
            last = min((block + 1) * BLOCK, self.epoch_length)
            places = np.arange(block * BLOCK * self.batch, last * self.batch)
            order = shuffled(places, len(self.text) // self.length, (self.seed, self.epoch))
            self._order = self.epoch, block, order * self.length
        return self._order[2][step * self.batch : (step + 1) * self.batch]

    def _all_begin(self) -> bool:
        return True


def carried(text: Text, batch: int, length: int, seed: int = 0) -> Batches:
    """Rows that go on where they stopped: carry each row's state into the next batch, cleared where `resets` says.

    Each epoch lays the documents end to end in a new order (the first begun at a random place, see `Stream`) and cuts
    that into `batch` lanes of equal length; each is read from its beginning, and all reset when an epoch begins.
    Each byte is `x` exactly once an epoch, apart from the last len(text) mod (batch * length) of the order.
    Raises `InputError` where the text is shorter than one batch.
    """
    return _Carried(text, batch, length, seed)


def windows(text: Text, batch: int, length: int, seed: int = 0) -> Batches:
    """Windows of `length` bytes in random order, each a beginning of its own (`resets` is True in the first column).

    Each epoch lays the documents end to end as `carried` does and tiles that with windows, so they fall elsewhere.
    Each byte is `x` exactly once an epoch, apart from len(text) mod (batch * length) that are left out at random.
    Raises `InputError` where the text is shorter than one batch.
    """
    return _Windows(text, batch, length, seed)


def evaluation(text: Text, batch: int, length: int, limit: int | None = None) -> Iterator[Batch]:
    """One pass in the order of the text, in `batch` carried lanes: every byte a target once, a document's first never.

    `limit` reads only the first so many bytes. All batches are (batch, length); past a lane's end x is 0, y is IGNORED
    and nothing resets. Every lane begins fresh, so more lanes mean a little less context: compare like with like.
    """
    _check_shape(batch, length)
    text = text.beginning(limit)
    stream, lane = Stream.in_order(text), -(-len(text) // batch)
    begins = np.arange(batch) * lane
    ends = np.minimum(begins + lane, len(text))
    for done in range(0, lane, length):
        tokens, fresh = stream.read(begins + done, length + 1)
        real = (begins + done)[:, None] + np.arange(length) < ends[:, None]
        resets = fresh[:, :-1] & real
        resets[:, 0] |= (done == 0) & real[:, 0]
        found = _batch(tokens, real & ~fresh[:, 1:], resets)
        yield found._replace(x=found.x * torch.from_numpy(real))


def _batch(
    tokens: UInt8[np.ndarray, "B T1"], scored: Bool[np.ndarray, "B T"], resets: Bool[np.ndarray, "B T"]
) -> Batch:
    x, y = tokens[:, :-1].astype(np.int64), tokens[:, 1:].astype(np.int64)
    y[~scored] = IGNORED
    return Batch(torch.from_numpy(x), torch.from_numpy(y), torch.from_numpy(resets))


def _check_shape(batch: int, length: int) -> None:
    if batch < 1 or length < 1:
        raise InputError(f"batch and length must be at least 1, got batch={batch}, length={length}")
