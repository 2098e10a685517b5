"""Training with a strategy: on one stream of batches, and on tasks one after another."""
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.optim import Optimizer

from reprise.continual.strategy import Seen, Strategy, Update, listening
from reprise.continual.streams import Task
from reprise.core.errors import InputError, check_counts
from reprise.data.labelled import in_order, labelled_batches
from reprise.training.fit import Record, fit
from reprise.training.objectives import Objective, accuracy, label

__all__ = ["Course", "Learned", "Step", "learn", "learn_tasks"]


class Step(NamedTuple):
    """One update made: its record (whose loss has the penalty in it), the strategy after it, and what was `seen`."""

    record: Record
    strategy: Strategy
    seen: Seen


@dataclass
class _Now:
    """What one update hands on from hook to hook."""

    strategy: Strategy
    fresh: object = None
    batch: object = None
    seen: Seen | None = None


def learn(
    model: nn.Module, batches: Iterable, objective: Objective, optimiser: Optimizer,
    strategy: Strategy | None = None, *, watch: Sequence[str] = (), clip: float = math.inf, mixed: bool = True,
) -> Iterator[Step]:
    """`fit` with a strategy: trains on each batch in turn, and yields a step after each update.

    watch: modules whose outputs the caller wants to see as well, such as the logits before they were learned from.
    clip: largest norm of the gradient.   mixed: as of `fit`.
    """
    now = _Now(Strategy() if strategy is None else strategy)

    def drawn():
        for batch in batches:
            now.fresh, now.batch = batch, now.strategy.batch(batch)
            yield now.batch

    def penalised(model, batch, state):
        scored = objective(model, batch, state)
        now.seen = Seen(seen)
        return scored._replace(total=scored.total + now.strategy.penalty(model, batch) * scored.count)

    def update():
        return Update(model, optimiser, objective, now.batch, now.fresh, now.seen)

    hook = optimiser.register_step_pre_hook(lambda *_: now.strategy.gradient(update()))
    try:
        with (listening(model, {*now.strategy.watched, *watch}) as seen,
              closing(fit(model, drawn(), penalised, optimiser, clip=clip, mixed=mixed)) as records):
            for record in records:
                now.strategy = now.strategy.updated(update())
                yield Step(record, now.strategy, now.seen)
    finally:
        hook.remove()


@dataclass(frozen=True)
class Course:
    """How each task is learned: by its own optimiser, in shuffled batches, for some epochs. mixed: as of `fit`."""

    optimiser: Callable[[nn.Module], Optimizer]
    epochs: int = 1
    batch: int = 32
    objective: Objective = label
    score: Callable[[nn.Module, Iterable], float] = accuracy
    seed: int = 0
    mixed: bool = True

    def __post_init__(self) -> None:
        check_counts("Course", epochs=self.epochs, batch=self.batch)


class Learned(NamedTuple):
    """What came of learning tasks: the strategy in the end, and scores on their test parts."""

    strategy: Strategy
    scores: Float[Tensor, "T T"]  # in row i, column j, that on task j after learning task i
    before: Float[Tensor, "T"]  # of the model before it learned anything


def learn_tasks(model: nn.Module, tasks: Sequence[Task], course: Course, strategy: Strategy | None = None) -> Learned:
    """Learns each task in turn, the model in place, and scores all tasks after each. Scores are in float64.

    Raises InputError where there is no task.
    """
    if not tasks:
        raise InputError("learn_tasks: expected at least one task, got none")
    strategy = Strategy() if strategy is None else strategy
    before, scores = _scores(model, tasks, course, strategy), []
    for number, task in enumerate(tasks):
        strategy = strategy.begun(model, number)
        size = min(course.batch, task.train.size)
        endless = labelled_batches(task.train, size, course.seed + number)
        updates = course.epochs * (task.train.size // size)
        for step in learn(model, (batch for batch, _ in zip(endless, range(updates))), course.objective,
                          course.optimiser(model), strategy, mixed=course.mixed):
            strategy = step.strategy
        strategy = strategy.consolidated(model, number, in_order(task.train, size), course.objective)
        scores.append(_scores(model, tasks, course, strategy))
    return Learned(strategy, torch.stack(scores), before)


def _scores(model: nn.Module, tasks: Sequence[Task], course: Course, strategy: Strategy) -> Float[Tensor, "T"]:
    found = [course.score(strategy.answering(model, number), in_order(task.test, 500))
             for number, task in enumerate(tasks)]
    return torch.tensor(found, dtype=torch.float64)
