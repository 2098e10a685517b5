"""Batches of events: what a model reads, what comes next, and where cases begin and end.

A model of V kinds reads V + 2 signs: the kinds, END = V where a case ends, START = V + 1 where it begins; it is asked
for the kind after each, END included. So the first event of a case is predicted too, from START alone.
"""
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from reprise.core.errors import InputError, check_counts
from reprise.data.batches import IGNORED
from reprise.data.events.log import Case, EventLog

__all__ = ["UNTIMED", "EventBatch", "Events", "Following", "PackedEvents", "padded"]

UNTIMED = -1.0  # a gap that is not asked for: before a first event, before an end, in padding


class Events(NamedTuple):
    """What is read: signs, the time since the event before (0 for none), and attributes, NaN where there is none."""

    kinds: Int64[Tensor, "B T"]
    gaps: Float[Tensor, "B T"]
    attributes: Float[Tensor, "B T A"]


class Following(NamedTuple):
    """What comes next: its sign, IGNORED where it is not asked for, and the time to it, UNTIMED likewise."""

    kinds: Int64[Tensor, "B T"]
    gaps: Float[Tensor, "B T"]


class EventBatch(NamedTuple):
    """x and what follows each step of it; `resets` where cases are laid end to end, `lengths` where they are padded."""

    x: Events
    y: Following
    resets: Bool[Tensor, "B T"] | None = None
    lengths: Int64[Tensor, "B"] | None = None


class PackedEvents:
    """Endless batches (B T) of cases laid end to end, every epoch in another order; rows carry on from one to the next.

    Nothing is padded: a row's state goes on into the next batch, and is cleared where `resets` says that a case begins.
    What is left at the end of an epoch, fewer than B T steps, is left out. `length` is shortened for a small log.
    Raises InputError for a log with fewer steps than rows.
    """

    def __init__(self, log: EventLog, batch: int, length: int, seed: int = 0) -> None:
        check_counts("PackedEvents", batch=batch, length=length)
        self._signs = [_signs(case, len(log.vocabulary)) for case in log]
        steps = sum(len(signs.x.kinds) for signs in self._signs)
        if steps < batch:
            raise InputError(f"PackedEvents: {log.name} has {steps} steps, fewer than the {batch} rows of a batch; "
                             f"try batch={max(steps, 1)}")
        self.batch, self.seed = batch, seed
        self.length = min(length, steps // batch)
        self.epoch_length = steps // batch // self.length
        self.epoch = self.step = 0
        self._laid: tuple[int, EventBatch] | None = None

    def __iter__(self) -> "PackedEvents":
        return self

    def __next__(self) -> EventBatch:
        if self._laid is None or self._laid[0] != self.epoch:
            self._laid = self.epoch, self._lanes()
        span = slice(self.step * self.length, (self.step + 1) * self.length)
        whole = self._laid[1]
        x, y = Events(*(part[:, span] for part in whole.x)), Following(*(part[:, span] for part in whole.y))
        self.step += 1
        if self.step == self.epoch_length:
            self.epoch, self.step = self.epoch + 1, 0
        return EventBatch(x, y, whole.resets[:, span])

    def state_dict(self) -> dict[str, Any]:
        """The position, and what it is a position in."""
        return {**self._about(), "epoch": self.epoch, "step": self.step}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from a saved position; an InputError if it is of other batches."""
        if {key: state.get(key) for key in self._about()} != self._about():
            raise InputError(f"this position is of other batches: expected {self._about()}, got {state}")
        self.epoch, self.step = state["epoch"], state["step"]

    def _about(self) -> dict[str, int]:
        return {"batch": self.batch, "length": self.length, "seed": self.seed, "epoch_length": self.epoch_length}

    def _lanes(self) -> EventBatch:
        order = np.random.default_rng((self.seed, self.epoch)).permutation(len(self._signs))
        signs = [self._signs[case] for case in order]
        steps = self.batch * self.epoch_length * self.length
        x = Events(*(_lane([s.x[i] for s in signs], steps, self.batch) for i in range(3)))
        y = Following(*(_lane([s.y[i] for s in signs], steps, self.batch) for i in range(2)))
        begins = _lane([s.begins for s in signs], steps, self.batch)
        begins[:, 0] = True
        return EventBatch(x, y, begins)


def padded(cases: Sequence[Case], kinds: int, rows: int = 64) -> Iterator[EventBatch]:
    """Every case once, in the order given, `rows` at a time, each padded on the right; T = events + 1, for START.

    kinds: how many the vocabulary has.
    """
    check_counts("padded", rows=rows)
    for first in range(0, len(cases), rows):
        signs = [_signs(case, kinds) for case in cases[first : first + rows]]
        lengths = torch.tensor([len(s.x.kinds) for s in signs])
        x = Events(*(_rows([s.x[i] for s in signs], 0.0) for i in range(3)))
        y = Following(_rows([s.y.kinds for s in signs], float(IGNORED)), _rows([s.y.gaps for s in signs], UNTIMED))
        yield EventBatch(x, y, None, lengths)


class _Signs(NamedTuple):
    """One case as a model meets it, as arrays."""

    x: Events
    y: Following
    begins: np.ndarray


def _signs(case: Case, kinds: int) -> _Signs:
    end, start = kinds, kinds + 1
    read = np.concatenate([[start], case.kinds])
    gaps = np.zeros(len(read)) if case.gaps is None else np.concatenate([[0.0], case.gaps])
    ahead = np.full(len(read), UNTIMED)
    if case.gaps is not None:
        ahead[1:-1] = case.gaps[1:]
    attributes = np.concatenate([np.full((1, case.attributes.shape[1]), np.nan), case.attributes])
    return _Signs(Events(read, gaps.astype(np.float32), attributes.astype(np.float32)),
                  Following(np.append(case.kinds, end), ahead.astype(np.float32)), np.arange(len(read)) == 0)


def _lane(parts: list[np.ndarray], steps: int, batch: int) -> Tensor:
    whole = np.concatenate(parts)[:steps]
    return torch.from_numpy(whole.reshape(batch, steps // batch, *whole.shape[1:]))


def _rows(parts: list[np.ndarray], value: float) -> Tensor:
    return torch.nn.utils.rnn.pad_sequence([torch.from_numpy(part) for part in parts], True, value)
