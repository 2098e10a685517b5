"""Streams of tasks made from one set of labelled data, and one that is made from nothing."""
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from reprise.core.errors import InputError, check_counts
from reprise.data.labelled import Labelled

__all__ = ["SlowRegression", "Task", "permuted_inputs", "permuted_labels", "random_labels", "split_classes"]


class Task(NamedTuple):
    """One task: what is learned from, and what it is scored on."""

    train: Labelled
    test: Labelled


def permuted_inputs(train: Labelled, test: Labelled, seed: int) -> Iterator[Task]:
    """Endless tasks: the numbers of every row (pixels, features of all steps) in another order, the same in a task.

    x (N ...) keeps its shape, and labels stay: what a label looks like changes. The first task has a drawn order too.
    Source: Goodfellow et al. 2013, arXiv:1312.6211, sec. 4 (goodfellow2013empirical); its online form, every example
    once, Dohare et al. 2023, arXiv:2306.13812 (dohare2023loss)
    """
    generator, numbers = torch.Generator().manual_seed(seed), train.x[0].numel()
    while True:
        order = torch.randperm(numbers, generator=generator)
        yield Task(*(part._replace(x=part.x.flatten(1)[:, order].view_as(part.x)) for part in (train, test)))


def split_classes(
    train: Labelled, test: Labelled, classes: int, order: Sequence[int] | None = None, *, from_zero: bool = True,
) -> list[Task]:
    """Tasks of some classes each, in order; labels are counted anew in each task (from 0), or stay what they are.

    from_zero: for heads of their own (task-incremental); without it all classes share one head (class-incremental).
    Raises InputError where the classes do not divide up.
    Source: Zenke et al. 2017, arXiv:1703.04200, sec. 5.2 (zenke2017synaptic)
    """
    order = train.y.unique().tolist() if order is None else list(order)
    if classes < 1 or len(order) % classes:
        raise InputError(f"split_classes: {len(order)} classes do not divide into tasks of {classes}")
    groups = [order[first : first + classes] for first in range(0, len(order), classes)]
    return [Task(*(_of_classes(part, group, from_zero) for part in (train, test))) for group in groups]


def permuted_labels(train: Labelled, test: Labelled, classes: int, seed: int) -> Iterator[Task]:
    """Endless tasks: the same inputs, and other names for their classes in each.

    Source: Elsayed & Mahmood 2023, arXiv:2302.03281, sec. 4 (elsayed2023utility)
    """
    generator = torch.Generator().manual_seed(seed)
    while True:
        names = torch.randperm(classes, generator=generator)
        yield Task(*(part._replace(y=names[part.y]) for part in (train, test)))


def random_labels(data: Labelled, classes: int, seed: int) -> Iterator[Task]:
    """Endless tasks: the same inputs, each with a label drawn at random: a task to memorise, so test is train.

    Source: Lyle et al. 2023, arXiv:2303.01486, sec. 3 (lyle2023understanding)
    """
    generator = torch.Generator().manual_seed(seed)
    while True:
        drawn = data._replace(y=torch.randint(classes, (data.size,), generator=generator))
        yield Task(drawn, drawn)


@dataclass(frozen=True)
class SlowRegression:
    """Slowly changing regression: bits of which some stay for long, and a target too large for a small learner.

        y = sum_k v_k 1[w_k . x + w_k0 > threshold_k],   threshold_k = beta (bits + 1) - S_k

    with v, w drawn from -1 and 1 and S_k the number of -1 among w_k, w_k0. The first `slow` bits hold still, and one of
    them, drawn at random, flips every `hold` examples; the others are drawn anew for each example. What a small network
    has to fit therefore changes with every flip.
    Source: Dohare et al. 2023, arXiv:2306.13812, sec. 3 (dohare2023loss)
    Differs: targets are divided by the root of the number of units, so that their size does not depend on it
    """

    bits: int = 20
    slow: int = 15
    hold: int = 10_000
    units: int = 100
    beta: float = 0.7

    def __post_init__(self) -> None:
        check_counts("SlowRegression", bits=self.bits, hold=self.hold, units=self.units)
        if not 0 <= self.slow <= self.bits:
            raise InputError(f"SlowRegression: expected slow from 0 to {self.bits} bits, got {self.slow}")

    def batches(self, batch: int, seed: int) -> Iterator[Labelled]:
        """Endless batches (B bits), (B 1); the target is drawn from the seed too."""
        generator = np.random.default_rng(seed)
        target = self._target(generator)
        still, seen = generator.integers(2, size=self.slow), 0
        while True:
            rows = []
            for _ in range(batch):
                if self.slow and seen and seen % self.hold == 0:
                    still[generator.integers(self.slow)] ^= 1
                rows.append(still.copy())
                seen += 1
            fast = generator.integers(2, size=(batch, self.bits - self.slow))
            x = torch.from_numpy(np.concatenate([np.stack(rows), fast], 1)).float()
            yield Labelled(x, self._answers(x, target))

    def _target(self, generator: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Weights (K bits+1), the last from a constant 1; thresholds (K,); weights out (K,)."""
        signs = torch.from_numpy(2 * generator.integers(2, size=(self.units, self.bits + 2)) - 1).float()
        into, out = signs[:, :-1], signs[:, -1]
        return into, self.beta * (self.bits + 1) - (into < 0).sum(1), out

    def _answers(self, x: Tensor, target: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        into, thresholds, out = target
        on = (x @ into[:, :-1].T + into[:, -1] > thresholds).float()
        return (on @ out / self.units**0.5)[:, None]


def _of_classes(data: Labelled, group: Sequence[int], from_zero: bool) -> Labelled:
    wanted = torch.tensor(group)
    found = data.take((data.y[:, None] == wanted).any(1).nonzero()[:, 0])
    return found._replace(y=(found.y[:, None] == wanted).long().argmax(1)) if from_zero else found
