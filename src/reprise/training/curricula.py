"""Curricula: levels of a task, harder and harder; the next begins once this one is known."""
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from reprise.core.errors import InputError, check_counts
from reprise.core.modes import undisturbed
from reprise.core.state import move
from reprise.data.batches import IGNORED
from reprise.data.labelled import Labelled
from reprise.training.fit import fit
from reprise.training.objectives import Scored
from reprise.training.schedules import constant

__all__ = ["Curriculum", "Draw", "Lesson", "heads_right", "labels_of_heads", "learn"]

Draw = Callable[[Sequence[int], np.random.Generator], Labelled]  # levels -> x (B T ...), y (B L), a label for each


@dataclass(frozen=True)
class Curriculum:
    """Which levels are trained, and when the next begins. A value: `after` returns where it stands then.

    keeps: how many levels are trained at once, the newest among them. 1: each in its turn, by one head for all
    (single-head); None: all so far, each by a head of its own (multi-head, cumulative); any other number: so many, each
    by its own head (sliding).
    threshold: the accuracy that the newest must exceed, and the mean of all that are trained.
    at: the place of the newest in `levels`; past their end the curriculum is finished.

    Source: Khajehabdollahi et al. 2023, arXiv:2309.12927; LevinaLab/rnn_timescale_public
    (khajehabdollahi2023emergent)
    Differs: heads of a sliding window stay with their level; the authors' code hands them on

    >>> Curriculum((2, 3, 4), keeps=None).after([0.99]).trained
    (2, 3)
    """

    levels: tuple[int, ...]
    keeps: int | None = 1
    threshold: float = 0.98
    at: int = 0

    def __post_init__(self) -> None:
        check_counts("Curriculum", keeps=self.keeps)
        if not self.levels or len(set(self.levels)) < len(self.levels):
            raise InputError(f"Curriculum: expected one level or more, no two alike, got {self.levels}")
        if not 0 <= self.threshold < 1 or not 0 <= self.at <= len(self.levels):
            raise InputError(f"Curriculum: expected a threshold from 0 to below 1, which accuracy can exceed, and a "
                             f"place from 0 to {len(self.levels)}, got threshold={self.threshold}, at={self.at}")

    @property
    def finished(self) -> bool:
        return self.at == len(self.levels)

    @property
    def trained(self) -> tuple[int, ...]:
        """The levels now trained, the newest last; none once it is finished."""
        first = 0 if self.keeps is None else max(self.at + 1 - self.keeps, 0)
        return () if self.finished else self.levels[first : self.at + 1]

    @property
    def heads(self) -> int:
        """How many heads a model needs."""
        return 1 if self.keeps == 1 else len(self.levels)

    def head_of(self, level: int) -> int:
        """The head that answers for a level."""
        return 0 if self.heads == 1 else self.levels.index(level)

    def after(self, accuracies: Sequence[float]) -> "Curriculum":
        """One level on, if the levels now trained are known so well; else the same."""
        if len(accuracies) != len(self.trained):
            raise InputError(f"Curriculum: expected an accuracy for each of the levels {self.trained}, "
                             f"got {len(accuracies)}")
        known = not self.finished and min(accuracies[-1], sum(accuracies) / len(accuracies)) > self.threshold
        return replace(self, at=self.at + 1) if known else self

    def batch(self, draw: Draw, generator: np.random.Generator, levels: Sequence[int] | None = None) -> Labelled:
        """A batch of the levels now trained, or of others: `y` (B heads), IGNORED for heads that are not asked.

        Raises InputError for levels that one head would have to answer for at once.
        """
        levels = self.trained if levels is None else levels
        heads = [self.head_of(level) for level in levels]
        if len(set(heads)) < len(heads):
            raise InputError(f"Curriculum: levels {tuple(levels)} have a head in common, which has one label a row; "
                             "draw a batch of each")
        x, y, lengths = draw(levels, generator)
        placed = y.new_full((len(y), self.heads), IGNORED)
        placed[:, heads] = y
        return Labelled(x, placed, lengths)


class Lesson(NamedTuple):
    """What some updates have led to."""

    step: int  # updates made so far
    levels: tuple[int, ...]  # that were trained
    accuracies: tuple[float, ...]  # of each, on fresh sequences
    passed: bool  # whether the next level begins now


def labels_of_heads(model: nn.Module, batch: Labelled, state: Any = None) -> Scored:
    """Cross entropy of a label from each of several heads, `batch.y` (B heads), added up over heads, of a row.

    The model answers (B heads * classes), one head after another; IGNORED labels do not count.
    """
    logits, state = _of_heads(model, batch, state)
    total = F.cross_entropy(logits.float().flatten(0, 1), batch.y.flatten(), ignore_index=IGNORED, reduction="sum")
    return Scored(total, len(batch.y), state)


@torch.no_grad()
def heads_right(model: nn.Module, batches: Sequence[Labelled]) -> Float[Tensor, "H"]:
    """The accuracy of each head on batches as of `labels_of_heads`, in evaluation mode; NaN for one never asked."""
    device, right, asked = next(model.parameters()).device, [], []
    with undisturbed(model.modules()):
        for batch in batches:
            logits, _ = _of_heads(model, move(batch, device), None)
            right.append(logits.argmax(-1).cpu() == batch.y)
            asked.append(batch.y != IGNORED)
    return torch.cat(right).sum(0) / torch.cat(asked).sum(0)


def learn(
    model: nn.Module, curriculum: Curriculum, draw: Draw, optimiser: torch.optim.Optimizer, *,
    schedule: Callable[[int], float] = constant, every: int = 100, tests: int = 4, seed: int = 0, clip: float = 2.0,
) -> Iterator[Lesson]:
    """Trains a model by a curriculum: tests it after `every` updates, and yields a lesson then; ends where it is
    finished. Whoever owns the `for` stops it before.

    draw: makes a batch of some levels with an answer for each.   tests: batches of a test.   clip: as of `fit`.
    """
    check_counts("learn", every=every, tests=tests)
    generator, fresh = np.random.default_rng((seed, 0)), np.random.default_rng((seed, 1))

    def batches() -> Iterator[Labelled]:
        while not curriculum.finished:
            yield curriculum.batch(draw, generator)

    for record in fit(model, batches(), labels_of_heads, optimiser, schedule, clip=clip):
        if record.step % every:
            continue
        levels = curriculum.trained
        right = heads_right(model, [curriculum.batch(draw, fresh) for _ in range(tests)])
        accuracies = tuple(right[curriculum.head_of(level)].item() for level in levels)
        before, curriculum = curriculum, curriculum.after(accuracies)
        yield Lesson(record.step, levels, accuracies, curriculum != before)


def _of_heads(model: nn.Module, batch: Labelled, state: Any) -> tuple[Float[Tensor, "B H C"], Any]:
    answers, state = model(batch.x, state, lengths=batch.lengths)
    heads = batch.y.shape[-1]
    if batch.y.ndim != 2 or answers.ndim != 2 or answers.shape[1] % heads:
        raise InputError(f"expected labels (B, heads) and answers (B, heads * classes), got {tuple(batch.y.shape)} and "
                         f"{tuple(answers.shape)}")
    return answers.unflatten(1, (heads, -1)), state
