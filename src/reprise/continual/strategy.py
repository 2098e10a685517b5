"""The one protocol of continual learning: what a learner does beside descending its loss, as a value."""
import copy
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from torch import Tensor, nn
from torch.optim import Optimizer

from reprise.core.errors import InputError
from reprise.training.objectives import Objective

__all__ = ["Chain", "Seen", "Strategy", "Update", "listening", "with_values"]


class Update(NamedTuple):
    """One update as strategies see it: in `gradient` before the optimiser's step, in `updated` after it.

    seen: what the modules a strategy has `watched` gave in this update, detached; of a recurrent layer, its outputs.
    """

    model: nn.Module
    optimiser: Optimizer
    objective: Objective
    batch: Any  # what was trained on
    fresh: Any  # the batch as the stream gave it
    seen: "Seen"


class Strategy:
    """A strategy is a value: what it has to remember it gives back in another, and only the model is changed in place.

    This one does nothing: plain training ("fine-tuning"). Others say what differs, in the order in which it is asked:

        begun         before a task: makes the model ready for it
        batch         what is trained on in place of a batch: replay
        penalty       what is added to the loss, in nats a target: anchors, distillation
        gradient      changes gradients in place, after clipping: projections
        updated       after the optimiser's step; may change weights in place: resets, noise, what is frozen
        consolidated  after a task, with batches of it: importances, memories, masks
        answering     the model that answers for a task: masks, heads, averages; never trained

    `learn` and `learn_tasks` (continual/learning.py) ask them; so may any other loop. Task 0 is the first.
    """

    watched: tuple[str, ...] = ()  # names of the modules whose outputs `gradient` and `updated` look at

    def begun(self, model: nn.Module, task: int) -> "Strategy":
        return self

    def batch(self, batch: Any) -> Any:
        return batch

    def penalty(self, model: nn.Module, batch: Any) -> Tensor | float:
        return 0.0

    def gradient(self, update: Update) -> None:
        """Nothing is returned: gradients are changed where they are."""

    def updated(self, update: Update) -> "Strategy":
        return self

    def consolidated(self, model: nn.Module, task: int, batches: Iterable, objective: Objective) -> "Strategy":
        return self

    def answering(self, model: nn.Module, task: int) -> nn.Module:
        """The model itself where nothing differs, else a copy; of a task not learned yet, the model as it is."""
        return model


@dataclass(frozen=True)
class Chain(Strategy):
    """Several strategies, asked in order: `Chain((Replay(200), EWC(0.4)))`; penalties add up."""

    parts: tuple[Strategy, ...] = ()

    @property
    def watched(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for part in self.parts for name in part.watched))

    def begun(self, model, task):
        return Chain(tuple(part.begun(model, task) for part in self.parts))

    def batch(self, batch):
        for part in self.parts:
            batch = part.batch(batch)
        return batch

    def penalty(self, model, batch):
        return sum((part.penalty(model, batch) for part in self.parts), 0.0)

    def gradient(self, update):
        for part in self.parts:
            part.gradient(update)

    def updated(self, update):
        return Chain(tuple(part.updated(update) for part in self.parts))

    def consolidated(self, model, task, batches, objective):
        batches = list(batches)
        return Chain(tuple(part.consolidated(model, task, batches, objective) for part in self.parts))

    def answering(self, model, task):
        for part in self.parts:
            model = part.answering(model, task)
        return model


class Seen(dict[str, Tensor]):
    """Module name -> what it gave last. Raises InputError for one that has given nothing."""

    def __missing__(self, name: str) -> Tensor:
        raise InputError(f"module {name!r} has given nothing: it was not called, or not by its forward, as layers "
                         "within a Stack; listen to a module around it")


@contextmanager
def listening(model: nn.Module, names: Iterable[str]) -> Iterator[Seen]:
    """What the named modules give, by name, from the last time each was called; "" is the model itself.

    Raises InputError for a name that no module has.
    """
    modules, seen, hooks = dict(model.named_modules()), Seen(), []
    try:
        for name in names:
            if name not in modules:
                raise InputError(f"no module is named {name!r}; the model has {', '.join(filter(None, modules))}")
            hooks.append(modules[name].register_forward_hook(_keeper(seen, name)))
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


def with_values(model: nn.Module, values: Mapping[str, Tensor]) -> nn.Module:
    """A copy of the model in which these parameters and buffers, by name, have other values.

    Raises InputError for a name the model lacks.
    """
    copied = copy.deepcopy(model)
    if unknown := copied.load_state_dict(dict(values), strict=False).unexpected_keys:
        raise InputError(f"with_values: the model has no {unknown[0]!r}; give names of its state_dict")
    return copied


def _keeper(seen: Seen, name: str) -> Callable:
    def keep(module, given, output):
        seen[name] = (output if isinstance(output, Tensor) else output[0]).detach()

    return keep
